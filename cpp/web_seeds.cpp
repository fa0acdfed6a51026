#include "torrent-patron/cpp/web_seeds.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/session/internals.hpp"
#include "torrent-patron/cpp/url.hpp"

#include <libtorrent/error_code.hpp>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/peer_info.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace patron {
namespace {

// Percent-encodes everything except unreserved characters (RFC 3986) and slashes.
std::string encoded(std::string const& path) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (char const c : path) {
        auto const byte = static_cast<unsigned char>(c);
        bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') ||
                           std::string("-._~/").find(c) != std::string::npos;
        if (plain)
            out += c;
        else
            out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    return out;
}

bool ends_with(std::string const& text, std::string const& end) {
    return text.size() >= end.size() &&
           text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Returns whether the server is to blame for the end of a connection. The connection may also end
// because of the client, or because the server closes it after each answer. Damaged data is
// discovered later, and has its own alert.
bool is_server_fault(lt::error_code const& code, bool sent_nothing) {
    namespace errors = lt::errors;
    if (code.category() == lt::http_category())
        return true;
    if (code.category() != lt::libtorrent_category())
        return sent_nothing && code != boost::asio::error::operation_aborted;
    switch (code.value()) {
    case errors::http_parse_error:
    case errors::missing_location:
    case errors::invalid_range:
    case errors::no_content_length:
        return true;
    case errors::timed_out:
    case errors::timed_out_inactivity:
    case errors::timed_out_no_handshake:
        return sent_nothing;
    default:
        return false;
    }
}

// Returns whether a server has answered that it cannot serve the file now. libtorrent takes any
// error for a missing file and never asks for it again.
bool is_server_busy(lt::error_code const& code) {
    switch (code.category() == lt::http_category() ? code.value() : 0) {
    case 408: // Request Timeout
    case 425: // Too Early
    case 429: // Too Many Requests
    case 500: // Internal Server Error
    case 502: // Bad Gateway
    case 503: // Service Unavailable
    case 504: // Gateway Timeout
        return true;
    default:
        return false;
    }
}

// The longest time after which such a server is asked again, in multiples of the first.
constexpr int max_wait = 32;

class WebSeeds : public lt::torrent_plugin, public std::enable_shared_from_this<WebSeeds> {
  public:
    WebSeeds(lt::torrent_handle torrent, std::function<void(WebSeedFailure)> report)
        : torrent_(std::move(torrent)), report_(std::move(report)) {}

    std::shared_ptr<lt::peer_plugin>
    new_connection(lt::peer_connection_handle const& peer) override;
    void on_files_checked() override;
    void tick() override;
    // The same fault is not reported again until the web seed has delivered something.
    void ended(std::string const& url, lt::error_code const& code, bool sent_nothing);

  private:
    using clock = std::chrono::steady_clock;
    // A server that is busy.
    struct Busy {
        int wait = 1;
        // When it is asked again, if that is pending.
        std::optional<clock::time_point> due;
    };

    std::string url(std::string const& host_name, int port_number) const;

    std::map<std::string, Busy> busy_;
    // The known URLs when the last connection was made; a redirect adds another.
    std::set<std::string> known_;
    lt::torrent_handle torrent_;
    std::function<void(WebSeedFailure)> report_;
    std::map<std::string, lt::error_code> reported_;
};

class Connection : public lt::peer_plugin {
  public:
    Connection(std::shared_ptr<WebSeeds> seeds, lt::peer_connection_handle peer, std::string url)
        : seeds_(std::move(seeds)), peer_(std::move(peer)), url_(std::move(url)) {}

    void on_disconnect(lt::error_code const& code) override {
        lt::peer_info info;
        peer_.get_peer_info(info);
        seeds_->ended(url_, code, info.total_download == 0);
    }

  private:
    std::shared_ptr<WebSeeds> seeds_;
    lt::peer_connection_handle peer_;
    std::string url_;
};

std::shared_ptr<lt::peer_plugin> WebSeeds::new_connection(lt::peer_connection_handle const& peer) {
    if (peer.type() != lt::connection_type::url_seed)
        return {};
    known_ = torrent_.url_seeds();
    // Until the server has identified itself, libtorrent returns its host as the client's name.
    lt::peer_info info;
    peer.get_peer_info(info);
    return std::make_shared<Connection>(shared_from_this(), peer,
                                        url(info.client, peer.remote().port()));
}

// Returns the URL of a connection, which libtorrent does not provide. If several are on one server,
// returns the part that they have in common.
std::string WebSeeds::url(std::string const& host_name, int port_number) const {
    std::string found;
    for (std::string const& url : torrent_.url_seeds()) {
        if (host(url) != host_name || port(url) != port_number)
            continue;
        if (!found.empty())
            return scheme(url) + "://" + authority(url) + "/";
        found = url;
    }
    return found.empty() ? host_name + ":" + std::to_string(port_number) : found;
}

void WebSeeds::ended(std::string const& url, lt::error_code const& code, bool sent_nothing) {
    if (!sent_nothing) {
        reported_.erase(url);
        busy_.erase(url);
    }
    if (is_server_busy(code)) {
        Busy& busy = busy_[url];
        auto const settings = internals::session_of(torrent_).get_settings();
        std::chrono::seconds const first(settings.get_int(lt::settings_pack::urlseed_wait_retry));
        busy.due = clock::now() + busy.wait * first;
        busy.wait = std::min(2 * busy.wait, max_wait);
    }
    // In this case, libtorrent does not try again.
    bool const loops = code == lt::errors::redirecting && torrent_.url_seeds() == known_;
    if (!(loops || is_server_fault(code, sent_nothing)) ||
        std::exchange(reported_[url], code) == code)
        return;
    WebSeedFailure failure{torrent_id(torrent_.userdata()), url, error(code)};
    // If there is no status, libtorrent uses 0.
    if (!code)
        failure.error.message = "its answer is not HTTP";
    if (loops)
        failure.error.message = "it redirects to another known web seed";
    report_(std::move(failure));
}

// To libtorrent, a web seed that is added again is a new one.
void WebSeeds::tick() {
    auto const now = clock::now();
    for (auto& [from, busy] : busy_) {
        if (!busy.due || now < *busy.due)
            continue;
        busy.due.reset();
        for (std::string const& url : torrent_.url_seeds()) {
            if (url.compare(0, from.size(), from) != 0)
                continue;
            torrent_.remove_url_seed(url);
            torrent_.add_url_seed(url);
        }
    }
}

void WebSeeds::on_files_checked() {
    auto const info = torrent_.torrent_file();
    if (!info || !info->is_valid())
        return;
    for (std::string const& url : torrent_.url_seeds()) {
        std::string const right = web_seed_url(*info, url);
        if (right == url)
            continue;
        torrent_.remove_url_seed(url);
        torrent_.add_url_seed(right);
    }
}

} // namespace

std::string web_seed_url(lt::torrent_info const& info, std::string const& url) {
    lt::file_storage const& files = compat::original_files(info);
    std::string const path = files.file_path(lt::file_index_t(0));
    std::string const below = "/" + encoded(path);
    bool const in_directory = path.find('/') != std::string::npos;
    std::string const bare = ends_with(url, "/") ? url.substr(0, url.size() - 1) : url;
    // libtorrent takes a single v2 file and its padding for several files, and adds a slash.
    if (files.num_files() == 2 && !in_directory && files.pad_file_at(lt::file_index_t(1)))
        return ends_with(bare, below) ? bare.substr(0, bare.size() - below.size() + 1) : url;
    if (files.num_files() != 1 || !in_directory)
        return url;
    // Resume data contains the URL that libtorrent was given.
    if (ends_with(url, below))
        return url;
    return bare + below;
}

std::shared_ptr<lt::torrent_plugin> watch_web_seeds(lt::torrent_handle const& torrent,
                                                    std::function<void(WebSeedFailure)> report) {
    return std::make_shared<WebSeeds>(torrent, std::move(report));
}

} // namespace patron
