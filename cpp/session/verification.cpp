#include "torrent-patron/cpp/session/verification.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/aux_/session_settings.hpp>
#include <libtorrent/settings_pack.hpp>
#include <libtorrent/torrent_info.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace patron {
namespace {

class Verification : public std::enable_shared_from_this<Verification> {
  public:
    Verification(lt::torrent_handle torrent, std::function<void(bool)> then)
        : torrent_(std::move(torrent)), pieces_(internals::pieces(torrent_)),
          then_(std::move(then)) {
        auto const session = internals::session_of(torrent_);
        auto const& settings = internals::settings(session);
        // So that no thread waits for the network thread.
        max_open_ = 2 * std::max(settings.get_int(lt::settings_pack::hashing_threads), 1);
    }

    void hash_next() {
        if (!internals::is_finished(torrent_))
            then_ = nullptr;
        for (; then_ && are_right_ && open_ < max_open_ && next_ < pieces_; ++next_) {
            lt::piece_index_t const piece(next_);
            if (!torrent_.have_piece(piece))
                continue;
            ++open_;
            internals::hash_piece(torrent_, piece, [self = shared_from_this()](bool is_right) {
                --self->open_;
                self->are_right_ = self->are_right_ && is_right;
                self->hash_next();
            });
        }
        if (open_ == 0)
            if (auto const then = std::exchange(then_, nullptr))
                then(are_right_);
    }

  private:
    lt::torrent_handle const torrent_;
    int const pieces_;
    int max_open_;
    int next_ = 0;
    // Pieces that are being hashed.
    int open_ = 0;
    bool are_right_ = true;
    std::function<void(bool)> then_;
};

} // namespace

void verify_pieces(lt::torrent_handle const& torrent, std::function<void(bool)> then) {
    if (!internals::is_finished(torrent))
        return;
    if (!torrent.torrent_file()->info_hashes().has_v1())
        then(false);
    else
        std::make_shared<Verification>(torrent, std::move(then))->hash_next();
}

} // namespace patron
