#include "torrent-patron/cpp/metainfo_cost.hpp"

#include <libtorrent/error_code.hpp>

#include <boost/crc.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace patron {
namespace {

// The paths of a torrent's files may take this much memory, or `paths_per_byte` times the size of
// the torrent. In a file tree, the paths share the names of directories, but each file gets a copy
// of its whole path.
constexpr std::size_t min_paths_limit = 16 * 1024 * 1024;
constexpr std::size_t paths_per_byte = 16;
// libtorrent keeps some bits for each block of 16 KiB, even if the torrent has no hash for it.
constexpr std::int64_t max_v2_size = std::int64_t(8) << 40;
// libtorrent 2.1's own limit. Before, a symbolic link makes it keep each path of each directory on
// the way to each file.
constexpr int max_depth = 100;
// Each is looked up in all directories.
constexpr int max_symlinks = 10'000;
// libtorrent compares each directory with all before it. This many bytes take about a minute.
constexpr std::size_t max_compared = std::size_t(500) << 30;
// libtorrent numbers files of the same name, with one attempt for each that it has numbered.
constexpr int max_clashes = 500;

[[noreturn]] void refuse(lt::errors::error_code_enum reason) {
    throw lt::system_error(reason);
}

// What the paths of a torrent cost.
class Paths {
  public:
    explicit Paths(std::size_t encoded)
        : max_size_(std::max(min_paths_limit, paths_per_byte * encoded)) {}

    // `pad_length` is the length of a pad file (BEP 47), or negative.
    void add(std::string_view path, std::int64_t pad_length) {
        size_ += path.size();
        if (size_ > max_size_)
            refuse(lt::errors::metadata_too_large);
        auto const [same, is_new] = names_.emplace(hash(path), pad_length);
        // Pad files of one length may have one name.
        if (!is_new && (pad_length < 0 || same->second != pad_length) && ++clashes_ > max_clashes)
            refuse(lt::errors::torrent_invalid_name);
        auto const directory = path.substr(0, std::min(path.rfind('/'), path.size()));
        if (directory == last_directory_)
            return;
        last_directory_ = directory;
        if (directories_.insert(last_directory_).second)
            directories_size_ += directory.size();
        if (directories_.size() * directories_size_ / 2 > max_compared)
            refuse(lt::errors::metadata_too_large);
    }
    void add_symlink() {
        if (++symlinks_ > max_symlinks)
            refuse(lt::errors::metadata_too_large);
    }

  private:
    // libtorrent's, so that names are found that clash only in its table.
    static std::uint32_t hash(std::string_view path) {
        boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
        for (char const c : path)
            crc.process_byte(static_cast<unsigned char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
        return crc.checksum();
    }

    std::size_t const max_size_;
    std::size_t size_ = 0;
    std::unordered_map<std::uint32_t, std::int64_t> names_;
    int clashes_ = 0;
    std::string last_directory_;
    std::unordered_set<std::string> directories_;
    std::size_t directories_size_ = 0;
    int symlinks_ = 0;
};

std::string_view view(lt::string_view text) {
    return {text.data(), text.size()};
}

// For the path of a file of v1, or of the target of a symbolic link.
void check_depth(lt::bdecode_node const& path) {
    if (path.list_size() > max_depth)
        refuse(lt::errors::torrent_invalid_name);
}

void add_v1(lt::bdecode_node const& file, std::string const& name, Paths& paths) {
    if (file.type() != lt::bdecode_node::dict_t)
        return;
    std::string path = name;
    if (auto const names = file.dict_find_list("path")) {
        check_depth(names);
        for (int i = 0; i < names.list_size(); ++i)
            path.append(1, '/').append(view(names.list_string_value_at(i)));
    }
    auto const attributes = file.dict_find_string_value("attr");
    bool const is_pad = attributes.find('p') != lt::string_view::npos;
    paths.add(path, is_pad ? file.dict_find_int_value("length") : -1);
    if (auto const target = file.dict_find_list("symlink path")) {
        check_depth(target);
        paths.add_symlink();
    }
}

// Walks a file tree (BEP 52); bdecode limits its depth. Adds the lengths of its files to `size`.
void add_v2(lt::bdecode_node const& tree, std::string& path, Paths& paths, std::int64_t& size) {
    for (int i = 0; i < tree.dict_size(); ++i) {
        auto const [name, below] = tree.dict_at(i);
        if (below.type() != lt::bdecode_node::dict_t)
            continue;
        if (!name.empty()) {
            auto const above = path.size();
            path.append(1, '/').append(view(name));
            add_v2(below, path, paths, size);
            path.resize(above);
            continue;
        }
        paths.add(path, -1);
        if (below.dict_find_list("symlink path"))
            paths.add_symlink();
        auto const length = std::max<std::int64_t>(below.dict_find_int_value("length"), 0);
        size = std::min(size, max_v2_size) + std::min(length, max_v2_size + 1);
    }
}

void check_info(lt::bdecode_node const& info, std::size_t encoded) {
    std::string name(view(info.dict_find_string_value("name")));
    Paths v1(encoded), v2(encoded);
    auto const list = info.dict_find_list("files");
    for (int i = 0; list && i < list.list_size(); ++i)
        add_v1(list.list_at(i), name, v1);
    std::int64_t size = 0;
    if (auto const tree = info.dict_find_dict("file tree"))
        add_v2(tree, name, v2, size);
    if (size > max_v2_size)
        refuse(lt::errors::torrent_invalid_length);
}

} // namespace

// libtorrent itself refuses what is not a dictionary, or cannot be decoded.
void check_cost(lt::bdecode_node const& root, std::size_t encoded) {
    if (root.type() != lt::bdecode_node::dict_t)
        return;
    if (auto const info = root.dict_find_dict("info"))
        check_info(info, encoded);
}

void check_info_cost(std::string const& encoded) {
    lt::error_code failure;
    auto const info = lt::bdecode(encoded, failure);
    if (info.type() == lt::bdecode_node::dict_t)
        check_info(info, encoded.size());
}

} // namespace patron
