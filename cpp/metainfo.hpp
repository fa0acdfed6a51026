// Reads, describes and configures .torrent files, magnet links and resume data, on any thread.
#pragma once

#include "torrent-patron/cpp/trycatch.hpp"

#include "rust/cxx.h"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/entry.hpp>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace patron {

struct AddRecord;
struct ClientDataRecord;
struct DescriptionRecord;
struct LayoutRecord;
struct PieceHashes;
struct SavedRecord;
struct StoredRecord;

class TorrentParams {
  public:
    explicit TorrentParams(lt::add_torrent_params params) : params_(std::move(params)) {}
    // `client_data` is the client's own part of the resume data.
    TorrentParams(lt::add_torrent_params params, lt::entry client_data)
        : params_(std::move(params)), client_data_(std::move(client_data)), resumed_(true) {}
    TorrentParams(lt::add_torrent_params params, std::set<std::string> named)
        : params_(std::move(params)), named_(std::move(named)) {}
    DescriptionRecord describe() const;
    // Only for a torrent with metadata.
    LayoutRecord layout() const;
    rust::Vec<PieceHashes> piece_hashes(rust::Slice<std::uint8_t const> torrent) const;
    void use_resume_data(rust::Slice<std::uint8_t const> bytes);
    // Returns the URLs that the torrent names and that the policy does not allow.
    rust::Vec<rust::String> configure(AddRecord const& options);
    // Returns whether all wanted data is available, according to the resume data or because the
    // data is trusted.
    bool is_complete() const;
    StoredRecord encode(ClientDataRecord const& client_data) const;
    SavedRecord saved_figures() const noexcept;

  private:
    // Drops the URLs that the policy does not allow.
    rust::Vec<rust::String> apply_policy(AddRecord const& options);

    friend class Session;
    friend class Torrent;
    lt::add_torrent_params params_;
    lt::entry client_data_;
    bool resumed_ = false;
    bool verify_finished_ = false;
    bool refuse_foreign_ = false;
    // Whether the files differ from the resume data.
    bool doubtful_ = false;
    // The URLs that the program itself supplied.
    std::set<std::string> named_;
    // The dropped trackers, which are reported when the torrent has been added.
    std::vector<std::string> dropped_;
    // The peers that the program named. They are connected to once the torrent has been added:
    // libtorrent takes those in `params_` for peers of an earlier run, and forgets them when one
    // attempt fails.
    std::vector<lt::tcp::endpoint> peers_;
};

// Parses a .torrent file. Refuses one that would take many times its own size in memory.
lt::add_torrent_params read_metainfo(rust::Slice<std::uint8_t const> bytes);
std::unique_ptr<TorrentParams> params_from_metainfo(rust::Slice<std::uint8_t const> bytes);
std::unique_ptr<TorrentParams> params_from_magnet(rust::Str uri);
std::unique_ptr<TorrentParams> params_from_resume_data(rust::Slice<std::uint8_t const> bytes);
std::unique_ptr<TorrentParams> params_from_info_hashes(rust::Slice<std::uint8_t const> v1,
                                                       rust::Slice<std::uint8_t const> v2);

} // namespace patron
