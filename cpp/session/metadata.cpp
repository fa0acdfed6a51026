#include "torrent-patron/cpp/session/metadata.hpp"
#include "torrent-patron/cpp/metainfo_cost.hpp"

#include <libtorrent/bdecode.hpp>
#include <libtorrent/entry.hpp>
#include <libtorrent/extensions/ut_metadata.hpp>
#include <libtorrent/hasher.hpp>
#include <libtorrent/peer_connection_handle.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace patron {
namespace {

using clock = std::chrono::steady_clock;

constexpr int piece_size = 16 * 1024;
// The number that libtorrent's plugin gives these messages.
constexpr int message_id = 2;
constexpr int data_message = 1;
// libtorrent disconnects peers that send larger messages.
constexpr int max_message = 17 * 1024;
// How long a peer is ignored whose part in wrong metadata is not known.
constexpr auto penalty = std::chrono::minutes(1);

bool has_hash(lt::torrent_handle const& torrent, lt::span<char const> metadata) {
    lt::info_hash_t const expected = torrent.info_hashes();
    auto const v2 = lt::hasher256(metadata).final();
    // A v1 hash may be that of v2, cut off.
    return (!expected.has_v2() || v2 == expected.v2) &&
           (!expected.has_v1() || lt::hasher(metadata).final() == expected.v1 ||
            lt::sha1_hash(v2.data()) == expected.v1);
}

// libtorrent's plugin (ut_metadata) requests the pieces and serves them. It is told that they have
// arrived, but gets no data. So it never completes the metadata itself, and after a hash mismatch
// it starts again.
class Metadata : public lt::torrent_plugin, public std::enable_shared_from_this<Metadata> {
  public:
    Metadata(lt::torrent_handle torrent, lt::client_data_t data, std::function<int()> max_size,
             std::function<void(lt::error_code const&)> refused)
        : torrent_(std::move(torrent)), data_(data), max_size_(std::move(max_size)),
          refused_(std::move(refused)), stock_(lt::create_ut_metadata_plugin(torrent_, data_)) {}

    std::shared_ptr<lt::peer_plugin>
    new_connection(lt::peer_connection_handle const& peer) override;
    void on_piece_pass(lt::piece_index_t const piece) override {
        if (stock_)
            stock_->on_piece_pass(piece);
    }

  private:
    class Peer;

    void take(std::shared_ptr<Peer> const& from, std::int64_t piece, std::int64_t size,
              lt::span<char const> data);
    void complete();
    void forget();

    lt::torrent_handle torrent_;
    lt::client_data_t const data_;
    std::function<int()> const max_size_;
    std::function<void(lt::error_code const&)> const refused_;
    std::shared_ptr<lt::torrent_plugin> stock_;
    // The peers, and those that have sent pieces.
    std::vector<std::weak_ptr<Peer>> peers_;
    std::vector<std::weak_ptr<Peer>> sources_;
    std::int64_t size_ = 0;
    std::vector<std::string> pieces_;
    bool is_complete_ = false;
    bool is_refused_ = false;
};

class Metadata::Peer : public lt::peer_plugin, public std::enable_shared_from_this<Peer> {
  public:
    Peer(std::shared_ptr<Metadata> of, lt::peer_connection_handle peer,
         std::shared_ptr<lt::peer_plugin> stock)
        : of_(std::move(of)), peer_(std::move(peer)), stock_(std::move(stock)) {}

    void add_handshake(lt::entry& handshake) override {
        if (stock_)
            stock_->add_handshake(handshake);
    }
    bool on_extension_handshake(lt::bdecode_node const& handshake) override {
        its_message_id_ = 0;
        if (handshake.type() == lt::bdecode_node::dict_t)
            if (auto const messages = handshake.dict_find_dict("m"))
                its_message_id_ = messages.dict_find_int_value("ut_metadata", 0);
        return stock_ && stock_->on_extension_handshake(handshake);
    }
    void tick() override {
        if (stock_ && !of_->is_refused_)
            stock_->tick();
    }
    bool on_extended(int const length, int const id, lt::span<char const> body) override {
        if (!stock_)
            return false;
        if (id != message_id || of_->is_complete_ || length > max_message || body.size() < length)
            return stock_->on_extended(length, id, body);
        lt::error_code failure;
        lt::bdecode_node const header = lt::bdecode(body, failure);
        if (header.type() != lt::bdecode_node::dict_t ||
            header.dict_find_int_value("msg_type", -1) != data_message)
            return stock_->on_extended(length, id, body);
        auto const encoded = header.data_section();
        of_->take(shared_from_this(), header.dict_find_int_value("piece", -1),
                  header.dict_find_int_value("total_size", 0), body.subspan(encoded.size()));
        if (of_->is_refused_ || of_->is_complete_ || peer_.is_disconnecting())
            return true;
        return stock_->on_extended(length, id, encoded);
    }

    // Replaces libtorrent's plugin, which still has no metadata.
    void use(lt::torrent_plugin* plugin) {
        stock_ = plugin == nullptr ? nullptr : plugin->new_connection(peer_);
        std::string const handshake =
            "d1:md11:ut_metadatai" + std::to_string(its_message_id_) + "eee";
        if (stock_ && its_message_id_ != 0)
            stock_->on_extension_handshake(lt::bdecode(handshake));
    }
    void ignore() { ignored_until_ = clock::now() + penalty; }
    bool is_ignored() const { return clock::now() < ignored_until_; }

  private:
    std::shared_ptr<Metadata> const of_;
    lt::peer_connection_handle peer_;
    std::shared_ptr<lt::peer_plugin> stock_;
    // The number that the peer gives these messages; 0 if it has none.
    std::int64_t its_message_id_ = 0;
    clock::time_point ignored_until_{};
};

std::shared_ptr<lt::peer_plugin>
Metadata::new_connection(lt::peer_connection_handle const& connection) {
    auto stock = stock_ ? stock_->new_connection(connection) : nullptr;
    if (!stock)
        return nullptr;
    auto const peer = std::make_shared<Peer>(shared_from_this(), connection, std::move(stock));
    if (!is_complete_) {
        peers_.erase(std::remove_if(peers_.begin(), peers_.end(),
                                    [](auto const& other) { return other.expired(); }),
                     peers_.end());
        peers_.push_back(peer);
    }
    return peer;
}

void Metadata::take(std::shared_ptr<Peer> const& from, std::int64_t const piece,
                    std::int64_t const size, lt::span<char const> const data) {
    if (size <= 0 || size > max_size_() || from->is_ignored())
        return;
    if (size != size_) {
        forget();
        size_ = size;
        pieces_.resize(static_cast<std::size_t>((size + piece_size - 1) / piece_size));
    }
    if (piece < 0 || piece >= static_cast<std::int64_t>(pieces_.size()) ||
        data.size() != std::min<std::int64_t>(piece_size, size - piece * piece_size))
        return;
    std::string& place = pieces_[static_cast<std::size_t>(piece)];
    if (!place.empty())
        return;
    place.assign(data.data(), static_cast<std::size_t>(data.size()));
    sources_.push_back(from);
    if (std::none_of(pieces_.begin(), pieces_.end(),
                     [](auto const& other) { return other.empty(); }))
        complete();
}

void Metadata::complete() {
    std::string metadata;
    metadata.reserve(static_cast<std::size_t>(size_));
    for (std::string const& piece : pieces_)
        metadata += piece;
    if (!has_hash(torrent_, metadata)) {
        for (auto const& source : sources_)
            if (auto const peer = source.lock())
                peer->ignore();
        return forget();
    }
    forget();
    try {
        check_info_cost(metadata);
    } catch (lt::system_error const& e) {
        is_refused_ = true;
        return refused_(e.code());
    }
    is_complete_ = torrent_.set_metadata(metadata);
    if (!is_complete_)
        return;
    stock_ = lt::create_ut_metadata_plugin(torrent_, data_);
    for (auto const& known : std::exchange(peers_, {}))
        if (auto const peer = known.lock())
            peer->use(stock_.get());
}

void Metadata::forget() {
    size_ = 0;
    pieces_.clear();
    sources_.clear();
}

} // namespace

std::shared_ptr<lt::torrent_plugin>
assemble_metadata(lt::torrent_handle const& torrent, lt::client_data_t data,
                  std::function<int()> max_size,
                  std::function<void(lt::error_code const&)> refused) {
    if (torrent.torrent_file())
        return lt::create_ut_metadata_plugin(torrent, data);
    return std::make_shared<Metadata>(torrent, data, std::move(max_size), std::move(refused));
}

} // namespace patron
