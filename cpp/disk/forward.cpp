#include "torrent-patron/cpp/disk/forward.hpp"

#include <libtorrent/error_code.hpp>
#include <libtorrent/operations.hpp>

#include <boost/asio/error.hpp>

#include <utility>

namespace patron {

lt::storage_error aborted() {
    return {boost::asio::error::operation_aborted, lt::operation_t::file_read};
}

lt::storage_holder Forward::new_torrent(lt::storage_params const& params,
                                        std::shared_ptr<void> const& torrent) {
    return inner_->new_torrent(params, torrent);
}

void Forward::remove_torrent(lt::storage_index_t index) {
    inner_->remove_torrent(index);
}

void Forward::async_read(lt::storage_index_t index, lt::peer_request const& request,
                         ReadHandler handler, lt::disk_job_flags_t flags) {
    inner_->async_read(index, request, std::move(handler), flags);
}

bool Forward::async_write(lt::storage_index_t index, lt::peer_request const& request,
                          char const* buffer, std::shared_ptr<lt::disk_observer> observer,
                          WriteHandler handler, lt::disk_job_flags_t flags) {
    return inner_->async_write(index, request, buffer, std::move(observer), std::move(handler),
                               flags);
}

void Forward::async_hash(lt::storage_index_t index, lt::piece_index_t piece,
                         lt::span<lt::sha256_hash> v2, lt::disk_job_flags_t flags,
                         HashHandler handler) {
    inner_->async_hash(index, piece, v2, flags, std::move(handler));
}

void Forward::async_hash2(lt::storage_index_t index, lt::piece_index_t piece, int offset,
                          lt::disk_job_flags_t flags, Hash2Handler handler) {
    inner_->async_hash2(index, piece, offset, flags, std::move(handler));
}

void Forward::async_move_storage(lt::storage_index_t index, std::string to, lt::move_flags_t flags,
                                 MoveHandler handler) {
    inner_->async_move_storage(index, std::move(to), flags, std::move(handler));
}

void Forward::async_release_files(lt::storage_index_t index, std::function<void()> handler) {
    inner_->async_release_files(index, std::move(handler));
}

void Forward::async_check_files(lt::storage_index_t index,
                                lt::add_torrent_params const* resume_data,
                                lt::aux::vector<std::string, lt::file_index_t> links,
                                CheckHandler handler) {
    inner_->async_check_files(index, resume_data, std::move(links), std::move(handler));
}

void Forward::async_stop_torrent(lt::storage_index_t index, std::function<void()> handler) {
    inner_->async_stop_torrent(index, std::move(handler));
}

void Forward::async_rename_file(lt::storage_index_t index, lt::file_index_t file, std::string name,
                                RenameHandler handler) {
    inner_->async_rename_file(index, file, std::move(name), std::move(handler));
}

void Forward::async_delete_files(lt::storage_index_t index, lt::remove_flags_t options,
                                 DeleteHandler handler) {
    inner_->async_delete_files(index, options, std::move(handler));
}

void Forward::async_set_file_priority(lt::storage_index_t index, Priorities priorities,
                                      PriorityHandler handler) {
    inner_->async_set_file_priority(index, std::move(priorities), std::move(handler));
}

void Forward::async_clear_piece(lt::storage_index_t index, lt::piece_index_t piece,
                                ClearHandler handler) {
    inner_->async_clear_piece(index, piece, std::move(handler));
}

void Forward::update_stats_counters(lt::counters& statistics) const {
    inner_->update_stats_counters(statistics);
}

std::vector<lt::open_file_state> Forward::get_status(lt::storage_index_t index) const {
    return inner_->get_status(index);
}

void Forward::abort(bool wait) {
    inner_->abort(wait);
}

void Forward::submit_jobs() {
    inner_->submit_jobs();
}

void Forward::settings_updated() {
    inner_->settings_updated();
}

} // namespace patron
