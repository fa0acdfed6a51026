#include "torrent-patron/cpp/disk/storage_on_demand.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/session.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace patron {

lt::storage_holder StorageOnDemand::new_torrent(lt::storage_params const& params,
                                                std::shared_ptr<void> const& torrent) {
    auto const& priorities = params.priorities;
    bool const skips =
        std::find(priorities.begin(), priorities.end(), lt::dont_download) != priorities.end();
    Slot slot{inner_->new_torrent(params, torrent), torrent, params.mode, skips};
    lt::storage_index_t index(static_cast<std::uint32_t>(slots_.size()));
    if (free_.empty()) {
        slots_.push_back(std::move(slot));
    } else {
        index = free_.back();
        free_.pop_back();
        at(index) = std::move(slot);
    }
    return lt::storage_holder(index, *this);
}

void StorageOnDemand::remove_torrent(lt::storage_index_t index) {
    // Dropping it may destroy the torrent.
    Slot const removed = std::exchange(at(index), {});
    free_.push_back(index);
}

lt::storage_index_t StorageOnDemand::use(lt::storage_index_t index) {
    Slot& slot = at(index);
    slot.in_use = true;
    if (!slot.storage) {
        TorrentFiles const& torrent = *torrents_->at(index);
        Priorities const all_wanted;
        slot.storage = inner_->new_torrent(
            torrent.names.storage_params(internals::info(slot.torrent), *torrent.path, slot.mode,
                                         all_wanted, torrent.hash),
            slot.torrent);
    }
    return slot.storage;
}

void StorageOnDemand::close(lt::storage_index_t index, ClosingJob job,
                            std::function<void()> handler) {
    Slot& slot = at(index);
    if (!slot.storage)
        return boost::asio::post(network_, std::move(handler));
    slot.in_use = false;
    ++slot.closing;
    auto end = [this, index, torrent = slot.torrent, handler = std::move(handler)] {
        Slot& slot = at(index);
        bool const is_removed = slot.torrent != torrent;
        if (!is_removed && --slot.closing == 0 && !slot.in_use && !slot.keeps_storage &&
            internals::is_seed(torrent))
            slot.storage.reset();
        handler();
    };
    ((*inner_).*job)(slot.storage, std::move(end));
}

void StorageOnDemand::async_release_files(lt::storage_index_t index,
                                          std::function<void()> handler) {
    close(index, &lt::disk_interface::async_release_files, std::move(handler));
}

void StorageOnDemand::async_stop_torrent(lt::storage_index_t index, std::function<void()> handler) {
    close(index, &lt::disk_interface::async_stop_torrent, std::move(handler));
}

void StorageOnDemand::async_set_file_priority(lt::storage_index_t index, Priorities priorities,
                                              PriorityHandler handler) {
    at(index).keeps_storage = true;
    inner_->async_set_file_priority(use(index), std::move(priorities), std::move(handler));
}

void StorageOnDemand::async_read(lt::storage_index_t index, lt::peer_request const& request,
                                 ReadHandler handler, lt::disk_job_flags_t flags) {
    inner_->async_read(use(index), request, std::move(handler), flags);
}

bool StorageOnDemand::async_write(lt::storage_index_t index, lt::peer_request const& request,
                                  char const* buffer, std::shared_ptr<lt::disk_observer> observer,
                                  WriteHandler handler, lt::disk_job_flags_t flags) {
    return inner_->async_write(use(index), request, buffer, std::move(observer), std::move(handler),
                               flags);
}

void StorageOnDemand::async_hash(lt::storage_index_t index, lt::piece_index_t piece,
                                 lt::span<lt::sha256_hash> v2, lt::disk_job_flags_t flags,
                                 HashHandler handler) {
    inner_->async_hash(use(index), piece, v2, flags, std::move(handler));
}

void StorageOnDemand::async_hash2(lt::storage_index_t index, lt::piece_index_t piece, int offset,
                                  lt::disk_job_flags_t flags, Hash2Handler handler) {
    inner_->async_hash2(use(index), piece, offset, flags, std::move(handler));
}

void StorageOnDemand::async_move_storage(lt::storage_index_t index, std::string to,
                                         lt::move_flags_t flags, MoveHandler handler) {
    inner_->async_move_storage(use(index), std::move(to), flags, std::move(handler));
}

void StorageOnDemand::async_check_files(lt::storage_index_t index,
                                        lt::add_torrent_params const* resume_data,
                                        lt::aux::vector<std::string, lt::file_index_t> links,
                                        CheckHandler handler) {
    inner_->async_check_files(use(index), resume_data, std::move(links), std::move(handler));
}

void StorageOnDemand::async_rename_file(lt::storage_index_t index, lt::file_index_t file,
                                        std::string name, RenameHandler handler) {
    inner_->async_rename_file(use(index), file, std::move(name), std::move(handler));
}

void StorageOnDemand::async_delete_files(lt::storage_index_t index, lt::remove_flags_t options,
                                         DeleteHandler handler) {
    inner_->async_delete_files(use(index), options, std::move(handler));
}

void StorageOnDemand::async_clear_piece(lt::storage_index_t index, lt::piece_index_t piece,
                                        ClearHandler handler) {
    inner_->async_clear_piece(use(index), piece, std::move(handler));
}

std::vector<lt::open_file_state> StorageOnDemand::get_status(lt::storage_index_t index) const {
    auto const& storage = slots_[static_cast<std::uint32_t>(index)].storage;
    return storage ? inner_->get_status(storage) : std::vector<lt::open_file_state>();
}

std::unique_ptr<lt::disk_interface> libtorrents_backend(std::shared_ptr<Torrents> torrents,
                                                        lt::io_context& network,
                                                        lt::settings_interface const& settings,
                                                        lt::counters& statistics) {
    auto backend = lt::default_disk_io_constructor(network, settings, statistics);
    if (compat::caches_blocks)
        return backend;
    return std::make_unique<StorageOnDemand>(std::move(backend), std::move(torrents), network);
}

} // namespace patron
