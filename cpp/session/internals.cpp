#include "torrent-patron/cpp/session/internals.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/disk/spans.hpp"
#include "torrent-patron/cpp/session/private_member.hpp"

#include <libtorrent/announce_entry.hpp>
#include <libtorrent/aux_/session_impl.hpp>
#include <libtorrent/disk_interface.hpp>

#include <boost/asio/post.hpp>

#include <sys/ioctl.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace patron::internals {

struct Impl {};
auto member(Impl);
template struct Open<Impl, &lt::session_handle::m_impl>;

struct Torrent {};
auto member(Torrent);
template struct Open<Torrent, &lt::torrent_handle::m_torrent>;

struct Connections {};
auto member(Connections);
template struct Open<Connections, &lt::aux::session_impl::m_connections>;

struct Listeners {};
auto member(Listeners);
template struct Open<Listeners, &lt::aux::session_impl::m_listen_sockets>;

struct DownloadQueue {};
auto member(DownloadQueue);
template struct Open<DownloadQueue, &lt::aux::session_impl::m_download_queue>;

struct ClassFilter {};
auto member(ClassFilter);
template struct Open<ClassFilter, &lt::aux::session_impl::m_peer_class_filter>;

struct ClassTypeFilter {};
auto member(ClassTypeFilter);
template struct Open<ClassTypeFilter, &lt::aux::session_impl::m_peer_class_type_filter>;

struct MaxRequestQueue {};
auto member(MaxRequestQueue);
template struct Open<MaxRequestQueue, &native::peer_connection::m_max_out_request_queue>;

struct DesiredQueueSize {};
auto member(DesiredQueueSize);
template struct Open<DesiredQueueSize, &native::peer_connection::m_desired_queue_size>;

struct InvalidRequests {};
auto member(InvalidRequests);
template struct Open<InvalidRequests, &native::peer_connection::m_num_invalid_requests>;

struct AddedWith {};
auto member(AddedWith);
template struct Open<AddedWith, &native::torrent::m_add_torrent_params>;

struct ConnectBoost {};
auto member(ConnectBoost);
template struct Open<ConnectBoost, &native::torrent::m_connect_boost_counter>;

namespace {

// For asio's io_control.
struct CloseOnExec {
    int name() const { return FIOCLEX; }
    void* data() { return nullptr; }
};

} // namespace

lt::counters const& counters(lt::session_handle const& session) {
    return static_cast<lt::aux::session_interface&>(*session.native_handle()).stats_counters();
}

Queue queue(lt::session_handle const& session, std::size_t max) {
    using Lists = lt::aux::session_interface;
    Lists& from = *session.native_handle();
    Queue out{};
    auto const first = [&](auto list, int low_rate, auto const& is_before) {
        std::vector<native::torrent*> all = from.torrent_list(list);
        out.count += all.size();
        auto const end = all.begin() + static_cast<std::ptrdiff_t>(std::min(max, all.size()));
        std::partial_sort(all.begin(), end, all.end(), is_before);
        std::vector<Queued> queued;
        for (auto it = all.begin(); it != end; ++it) {
            native::torrent const& one = **it;
            auto const statistics = one.statistics();
            int const rate = list == Lists::torrent_seeding_auto_managed
                                 ? statistics.upload_payload_rate()
                                 : statistics.download_payload_rate();
            queued.push_back(
                {torrent_id(one.get_userdata()), !one.is_torrent_paused() && rate < low_rate});
        }
        return queued;
    };
    auto const& settings = from.settings();
    auto const by_position = [](native::torrent const* one, native::torrent const* other) {
        return one->sequence_number() < other->sequence_number();
    };
    // The rank by which libtorrent chooses complete torrents is hidden. They are assigned to
    // sessions at random, so that the best ones are everywhere.
    auto const running = [](native::torrent const* one, native::torrent const* other) {
        return !one->is_torrent_paused() && other->is_torrent_paused();
    };
    out.checking = first(Lists::torrent_checking_auto_managed, 0, by_position);
    out.downloads = first(Lists::torrent_downloading_auto_managed,
                          settings.get_int(lt::settings_pack::inactive_down_rate), by_position);
    out.seeds = first(Lists::torrent_seeding_auto_managed,
                      settings.get_int(lt::settings_pack::inactive_up_rate), running);
    return out;
}

std::string url(lt::peer_connection_handle const& connection) {
    auto const peer = connection.native_handle();
    return peer ? static_cast<native::web_connection_base const&>(*peer).url() : std::string();
}

void each_connection(lt::session_handle const& session, Visit const& visit) {
    auto const impl = session.native_handle();
    if (!impl)
        return;
    for (auto const& connection : (*impl).*member(Connections()))
        visit(lt::peer_connection_handle(connection), connection->connected_time());
}

lt::settings_interface const& settings(lt::session_handle const& session) {
    return session.native_handle()->settings();
}

void post(lt::session_handle const& session, std::function<void()> task) {
    if (auto const impl = session.native_handle())
        boost::asio::post(impl->get_context(), std::move(task));
}

lt::session_handle session_of(lt::torrent_handle const& torrent) {
    auto const impl = torrent.native_handle();
    if (!impl)
        return {};
    lt::session_handle session;
    session.*member(Impl()) = static_cast<lt::aux::session_impl&>(impl->session()).weak_from_this();
    return session;
}

std::uint64_t id(std::weak_ptr<void> const& torrent) {
    auto const owner = torrent.lock();
    return owner ? torrent_id(static_cast<native::torrent*>(owner.get())->get_userdata()) : 0;
}

bool is_removed(std::weak_ptr<void> const& torrent) {
    auto const owner = torrent.lock();
    return !owner || static_cast<native::torrent*>(owner.get())->is_aborted();
}

bool is_seed(std::shared_ptr<void> const& torrent) {
    return static_cast<native::torrent const*>(torrent.get())->state() ==
           lt::torrent_status::seeding;
}

lt::torrent_handle handle(std::weak_ptr<void> const& torrent) {
    lt::torrent_handle handle;
    handle.*member(Torrent()) = std::static_pointer_cast<native::torrent>(torrent.lock());
    return handle;
}

bool is_in_upload_mode(std::weak_ptr<void> const& torrent) {
    auto const handle = internals::handle(torrent);
    return handle.is_valid() && (handle.flags() & lt::torrent_flags::upload_mode);
}

bool is_deleted(lt::torrent_handle const& torrent) {
    auto const native = torrent.native_handle();
    return native && native->is_deleted();
}

bool has_no_files(lt::torrent_handle const& torrent) {
    auto const native = torrent.native_handle();
    return native && !native->has_storage() && !native->is_aborted();
}

bool has_hash(std::weak_ptr<void> const& torrent, lt::piece_index_t piece,
              lt::sha1_hash const& hash) {
    auto const owner = torrent.lock();
    if (!owner)
        return true;
    auto const& info = static_cast<native::torrent const*>(owner.get())->torrent_file();
    return !info.info_hashes().has_v1() || info.hash_for_piece(piece) == hash;
}

bool is_finished(lt::torrent_handle const& torrent) {
    auto const native = torrent.native_handle();
    if (!native || native->is_aborted() || !native->has_storage())
        return false;
    auto const state = native->state();
    return state == lt::torrent_status::finished || state == lt::torrent_status::seeding;
}

void hash_piece(lt::torrent_handle const& torrent, lt::piece_index_t piece,
                std::function<void(bool)> then) {
    auto const native = torrent.native_handle();
    lt::disk_interface& disk = native->session().disk_thread();
    disk.async_hash(native->storage(), piece, {},
                    lt::disk_interface::v1_hash | lt::disk_interface::sequential_access |
                        lt::disk_interface::volatile_read,
                    [owner = std::weak_ptr<void>(native),
                     then = std::move(then)](lt::piece_index_t hashed, lt::sha1_hash const& v1,
                                             lt::storage_error const& error) {
                        then(!error && has_hash(owner, hashed, v1));
                    });
    disk.submit_jobs();
}

lt::torrent_info const& info(std::shared_ptr<void> const& torrent) {
    return static_cast<native::torrent const*>(torrent.get())->torrent_file();
}

void close_on_exec(lt::peer_connection_handle const& connection) {
    if (auto const peer = connection.native_handle()) {
        // Fails on a closed socket. is_open() does not link with 2.1 if that has WebRTC.
        CloseOnExec command;
        lt::error_code failure;
        peer->get_socket().io_control(command, failure);
    }
}

int pieces(lt::torrent_handle const& torrent) {
    auto const impl = torrent.native_handle();
    return impl && impl->valid_metadata() ? impl->torrent_file().num_pieces() : 0;
}

// libtorrent adds a peer only to the classes that its filters choose.
void add_to_class(lt::session_handle const& session, lt::peer_connection_handle const& peer,
                  lt::peer_class_t added) {
    auto const impl = session.native_handle();
    auto const connection = peer.native_handle();
    if (!impl || !connection)
        return;
    lt::ip_filter only;
    lt::address const from = peer.remote().address();
    only.add_rule(from, from, std::uint32_t(1) << static_cast<std::uint32_t>(added));
    lt::peer_class_type_filter all;
    std::swap((*impl).*member(ClassFilter()), only);
    std::swap((*impl).*member(ClassTypeFilter()), all);
    static_cast<lt::aux::session_interface&>(*impl).set_peer_classes(connection.get(), from, {});
    std::swap((*impl).*member(ClassFilter()), only);
    std::swap((*impl).*member(ClassTypeFilter()), all);
}

void close_listener(lt::session_handle const& session, lt::tcp::endpoint const& address) {
    auto const impl = session.native_handle();
    if (!impl)
        return;
    for (auto const& listener : (*impl).*member(Listeners())) {
        lt::error_code failure;
        if (!listener->sock || listener->local_endpoint != address)
            continue;
        listener->sock->close(failure);
        // So that it does not count as open.
        listener->original_port = -1;
    }
}

Sockets listeners(lt::session_handle const& session) {
    Sockets out;
    auto const impl = session.native_handle();
    if (!impl)
        return out;
    for (auto const& listener : (*impl).*member(Listeners())) {
        if (listener->sock && listener->sock->is_open())
            out.tcp.push_back(listener->local_endpoint);
        if (listener->udp_sock && listener->ssl == lt::aux::transport::plaintext)
            out.has_utp = true;
    }
    return out;
}

std::optional<RequestQueue> request_queue(lt::peer_connection_handle const& connection) {
    auto const peer = connection.native_handle();
    if (!peer)
        return std::nullopt;
    return RequestQueue{(*peer).*member(MaxRequestQueue()), (*peer).*member(DesiredQueueSize())};
}

std::uint16_t* invalid_requests(lt::peer_connection_handle const& connection) {
    auto const peer = connection.native_handle();
    return peer ? &((*peer).*member(InvalidRequests())) : nullptr;
}

// With 0, libtorrent decides by the rate of the peer.
void prefer_whole_pieces(lt::peer_connection_handle const& connection, bool preferred) {
    if (auto const peer = connection.native_handle())
        peer->prefer_contiguous_blocks(preferred ? 0 : 1);
}

lt::typed_bitfield<lt::piece_index_t> unchecked_pieces(lt::torrent_handle const& torrent) {
    auto const impl = torrent.native_handle();
    if (!impl || impl->state() != lt::torrent_status::checking_resume_data)
        return {};
    auto const& added = (*impl).*member(AddedWith());
    return added ? added->have_pieces : lt::typed_bitfield<lt::piece_index_t>();
}

bool has_deadlines(lt::torrent_handle const& torrent) {
    auto const impl = torrent.native_handle();
    return impl && impl->num_time_critical_pieces() > 0;
}

void empty_queue(lt::session_handle const& session) {
    auto const impl = session.native_handle();
    if (!impl)
        return;
    auto const& queue = (*impl).*member(DownloadQueue());
    auto& from = static_cast<lt::aux::session_interface&>(*impl);
    while (!queue.empty())
        from.set_queue_position(queue.back(), lt::queue_position_t{-1});
}

bool hold_announces(lt::torrent_handle const& torrent) {
    auto const impl = torrent.native_handle();
    auto const trackers = torrent.trackers();
    auto const is_udp = [](auto const& tracker) { return tracker.url.rfind("udp:", 0) == 0; };
    if (!impl || impl->is_torrent_paused() ||
        std::none_of(trackers.begin(), trackers.end(), is_udp))
        return false;
    impl->set_announce_to_trackers(false);
    return true;
}

void begin_announces(lt::torrent_handle const& torrent) {
    auto const impl = torrent.native_handle();
    // When it is resumed, libtorrent begins itself.
    if (!impl || impl->is_torrent_paused())
        return;
    auto const trackers = torrent.trackers();
    auto const is_known = [](auto const& tracker) { return !tracker.endpoints.empty(); };
    if (std::any_of(trackers.begin(), trackers.end(), is_known))
        return;
    impl->set_announce_to_trackers(true);
    // Announces the torrent now, or after its files have been checked.
    torrent.replace_trackers(trackers);
}

// Simulates an empty answer of a tracker.
void connect_some(lt::torrent_handle const& torrent) {
    auto const impl = torrent.native_handle();
    if (!impl || (*impl).*member(ConnectBoost()) == 0)
        return;
    native::request_callback& callback = *impl;
    callback.tracker_response(native::tracker_request(), {}, {}, {});
}

void read_blocks(lt::torrent_handle const& torrent, std::vector<lt::peer_request> const& blocks,
                 BlockRead const& read) {
    auto const native = torrent.native_handle();
    if (!native || !native->has_storage())
        throw lt::system_error(lt::errors::invalid_torrent_handle);
    lt::disk_interface& disk = native->session().disk_thread();
    for (lt::peer_request const& block : blocks)
        disk.async_read(
            native->storage(), block,
            [read, block](lt::disk_buffer_holder buffer, lt::storage_error const& error) {
                read(block, buffer, error);
            },
            {});
    disk.submit_jobs();
}

namespace {

SpanReader* span_reader(native::torrent* torrent) {
    if (torrent == nullptr || !torrent->has_storage())
        return nullptr;
    return dynamic_cast<SpanReader*>(&torrent->session().disk_thread());
}

} // namespace

bool read_span(lt::torrent_handle const& torrent, std::int64_t begin, lt::span<char> to,
               std::function<void(bool)> then) {
    auto const native = torrent.native_handle();
    auto* const reader = span_reader(native.get());
    return reader != nullptr && reader->read_span(native->storage(), begin, to, std::move(then));
}

std::shared_ptr<FileView> view(lt::torrent_handle const& torrent, lt::file_index_t file) {
    auto const native = torrent.native_handle();
    auto* const reader = span_reader(native.get());
    return reader != nullptr ? reader->view(native->storage(), file) : nullptr;
}

} // namespace patron::internals
