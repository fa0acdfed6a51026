// Access to parts of libtorrent that are hidden from plugins.
#pragma once

#include <libtorrent/address.hpp>
#include <libtorrent/aux_/session_settings.hpp>
#include <libtorrent/bitfield.hpp>
#include <libtorrent/disk_buffer_holder.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/ip_filter.hpp>
#include <libtorrent/peer_class.hpp>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/peer_request.hpp>
#include <libtorrent/performance_counters.hpp>
#include <libtorrent/session_handle.hpp>
#include <libtorrent/sha1_hash.hpp>
#include <libtorrent/socket.hpp>
#include <libtorrent/span.hpp>
#include <libtorrent/time.hpp>
#include <libtorrent/torrent_handle.hpp>
#include <libtorrent/units.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace patron {
class FileView;
}

namespace patron::internals {

// The URL of a web seed.
std::string url(lt::peer_connection_handle const& connection);

// Called on the network thread.
lt::counters const& counters(lt::session_handle const& session);

// A torrent that libtorrent's queue may run.
struct Queued {
    std::uint64_t torrent;
    // It runs, and its rate is low.
    bool idle;
};
struct Queue {
    std::vector<Queued> checking;
    std::vector<Queued> downloads;
    std::vector<Queued> seeds;
    // The number of all torrents in the queue.
    std::size_t count;
};
// Returns the first torrents in libtorrent's queue, at most this many of each kind, in its order;
// of the complete ones, those that run are first. Called on the network thread.
Queue queue(lt::session_handle const& session, std::size_t max);

using Visit = std::function<void(lt::peer_connection_handle const&, lt::time_point since)>;
// Visits all connections, including those that belong to no torrent yet and so have no plugin. A
// visit must not end a connection, because that removes it from the set.
void each_connection(lt::session_handle const& session, Visit const& visit);

lt::settings_interface const& settings(lt::session_handle const& session);
// Runs the task on the network thread, soon.
void post(lt::session_handle const& session, std::function<void()> task);
lt::session_handle session_of(lt::torrent_handle const& torrent);

// The id of libtorrent's torrent; 0 if it is gone.
std::uint64_t id(std::weak_ptr<void> const& torrent);

// Returns whether libtorrent's torrent was removed. Called on the network thread.
bool is_removed(std::weak_ptr<void> const& torrent);

// Returns whether libtorrent's torrent has all its pieces, and they are not being checked. Called
// on the network thread.
bool is_seed(std::shared_ptr<void> const& torrent);

// Returns the handle of libtorrent's torrent; invalid if it is gone.
lt::torrent_handle handle(std::weak_ptr<void> const& torrent);

// Returns whether libtorrent's torrent is in upload mode. Called on the network thread.
bool is_in_upload_mode(std::weak_ptr<void> const& torrent);

// Returns whether the files of a removed torrent are being deleted. Called on the network thread.
bool is_deleted(lt::torrent_handle const& torrent);

// Returns whether a torrent has no storage, for example because its metadata is not known. Called
// on the network thread.
bool has_no_files(lt::torrent_handle const& torrent);

// Returns whether a torrent has all that is wanted, and its files are not being checked. Called on
// the network thread.
bool is_finished(lt::torrent_handle const& torrent);

// Hashes a piece of a finished torrent on disk. Passes on whether it has its v1 hash. Called on the
// network thread, as is `then`.
void hash_piece(lt::torrent_handle const& torrent, lt::piece_index_t piece,
                std::function<void(bool)> then);

// Returns whether the v1 piece of libtorrent's torrent has this hash; true if there is no v1.
bool has_hash(std::weak_ptr<void> const& torrent, lt::piece_index_t piece,
              lt::sha1_hash const& hash);

// Prevents child processes from inheriting the connection's socket, if it has one.
void close_on_exec(lt::peer_connection_handle const& connection);

// The number of pieces of a torrent; 0 if its metadata is not known. On the network thread.
int pieces(lt::torrent_handle const& torrent);

// Adds the peer to a peer class, in addition to those it is in. The class is one of the first 32.
void add_to_class(lt::session_handle const& session, lt::peer_connection_handle const& peer,
                  lt::peer_class_t added);

// Sets the filter for the addresses of HTTP requests to trackers: of those that are in progress,
// and of the first and last of those that are queued. `choose` is given the current filter. The
// filter is applied when a name has been resolved, and again for each redirect.
using Filter = std::shared_ptr<lt::ip_filter const>;
using ChooseFilter =
    std::function<Filter(std::uint64_t torrent, std::string const& url, Filter const& filter)>;
void filter_http_requests(lt::session_handle const& session, ChooseFilter const& choose);

// Pauses the torrents that UDP trackers know, so that they are announced as stopped. When its
// session ends, libtorrent would close the sockets before it sends that.
void stop_by_udp(std::vector<lt::torrent_handle> const& torrents);

// Returns whether such an announce has not been answered yet.
bool is_stopping_by_udp(lt::session_handle const& session);

// Calls `allows` before each packet to a UDP tracker from now on.
using AllowPacket =
    std::function<bool(std::uint64_t torrent, std::string const& url, lt::address const& to)>;
void filter_udp_requests(lt::session_handle const& session, AllowPacket allows);

// Closes the sockets that listen for peers at this address. The session opens them again when it
// reopens its sockets.
void close_listener(lt::session_handle const& session, lt::tcp::endpoint const& address);

struct Sockets {
    // Where peers are accepted by TCP.
    std::vector<lt::tcp::endpoint> tcp;
    // Whether there is one for uTP without TLS.
    bool has_utp = false;
};
// Returns the sockets that listen. Called on the network thread.
Sockets listeners(lt::session_handle const& session);

// How many blocks are requested from a peer in advance.
struct RequestQueue {
    std::uint16_t& max;
    std::uint16_t& desired;
};
// Returns the queue of a connected peer. Called on the network thread.
std::optional<RequestQueue> request_queue(lt::peer_connection_handle const& connection);

// The number of invalid requests from a peer; null if it is not connected. Called on the network
// thread.
std::uint16_t* invalid_requests(lt::peer_connection_handle const& connection);

// Sets whether whole pieces are requested from a peer if it is fast enough. Called on the network
// thread.
void prefer_whole_pieces(lt::peer_connection_handle const& connection, bool preferred);

// Returns the pieces that a torrent was added with, as long as libtorrent has not checked that.
// Called on the network thread.
lt::typed_bitfield<lt::piece_index_t> unchecked_pieces(lt::torrent_handle const& torrent);

// Returns whether any piece of a torrent has a deadline. Called on the network thread.
bool has_deadlines(lt::torrent_handle const& torrent);

// Takes all torrents out of libtorrent's queue, the last one first: each one that leaves it
// renumbers those behind it. Called on the network thread.
void empty_queue(lt::session_handle const& session);

// Returns the metadata of libtorrent's torrent. Called on the network thread.
lt::torrent_info const& info(std::shared_ptr<void> const& torrent);

// Prevents a new torrent with a UDP tracker from announcing itself to trackers. Returns false if it
// has none, or is paused. Called on the network thread, as is the opposite.
bool hold_announces(lt::torrent_handle const& torrent);
void begin_announces(lt::torrent_handle const& torrent);

// Connects to known peers of a torrent, as many as libtorrent does after the answer of a tracker.
// Called on the network thread, but not while libtorrent changes the torrent.
void connect_some(lt::torrent_handle const& torrent);

using BlockRead = std::function<void(lt::peer_request const&, lt::disk_buffer_holder const&,
                                     lt::storage_error const&)>;
// Reads blocks of a torrent through its session's disk backend. Called on the network thread, as is
// `read`, possibly before this returns.
void read_blocks(lt::torrent_handle const& torrent, std::vector<lt::peer_request> const& blocks,
                 BlockRead const& read);
// Reads bytes of a torrent without libtorrent's disk backend, if possible; see SpanReader.
bool read_span(lt::torrent_handle const& torrent, std::int64_t begin, lt::span<char> to,
               std::function<void(bool)> then);
// Returns the view of a file; null if there is none. Called on the network thread.
std::shared_ptr<FileView> view(lt::torrent_handle const& torrent, lt::file_index_t file);

} // namespace patron::internals
