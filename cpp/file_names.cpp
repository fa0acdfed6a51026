#include "torrent-patron/cpp/file_names.hpp"
#include "torrent-patron/cpp/compat.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace patron {
namespace {

// The file systems that libtorrent runs on do not allow longer names.
constexpr std::size_t max_part_size = 255;

[[noreturn]] void refuse(std::string const& name, std::string const& why) {
    // The text of an exception ends at the first zero byte.
    std::string shown = name;
    std::replace(shown.begin(), shown.end(), '\0', '?');
    throw std::invalid_argument(shown + ": " + why);
}

bool is_below(std::string const& name, std::string const& directory) {
    return name.size() > directory.size() && name[directory.size()] == '/' &&
           name.compare(0, directory.size(), directory) == 0;
}

} // namespace

void check_file_name(std::string const& name) {
    if (name.find('\0') != std::string::npos)
        refuse(name, "it contains a zero byte");
    for (std::size_t begin = 0; begin <= name.size();) {
        std::size_t const end = std::min(name.find('/', begin), name.size());
        std::string const part = name.substr(begin, end - begin);
        if (part.empty() || part == "." || part == "..")
            refuse(name, "a file of a torrent must have a name below the save directory");
        if (part.size() > max_part_size)
            refuse(name, "a path component is longer than 255 bytes");
        begin = end + 1;
    }
}

void check_rename(lt::file_storage const& files, std::vector<std::string> const& paths,
                  lt::file_index_t renamed, std::string const& name) {
    check_file_name(name);
    for (lt::file_index_t const i : files.file_range()) {
        std::string const& other = paths[static_cast<std::size_t>(static_cast<int>(i))];
        if (i == renamed || files.pad_file_at(i))
            continue;
        if (other == name)
            refuse(name, "the torrent has a file of that name");
        if (is_below(name, other) || is_below(other, name))
            refuse(name, "the torrent has the file " + other);
    }
}

std::string parent(std::string const& path) {
    return path.substr(0, path.find_last_of('/'));
}

std::string file_name(lt::add_torrent_params const& params, lt::file_index_t file) {
    auto const renamed = params.renamed_files.find(file);
    return renamed != params.renamed_files.end() ? renamed->second
                                                 : compat::files(*params.ti).file_path(file);
}

void check_renamed_files(lt::add_torrent_params const& params) {
    for (auto const& renamed : params.renamed_files)
        check_file_name(renamed.second);
    if (!params.ti || params.renamed_files.empty())
        return;
    lt::file_storage const& files = compat::files(*params.ti);
    std::vector<std::string> names;
    for (lt::file_index_t const i : files.file_range())
        if (!files.pad_file_at(i))
            names.push_back(file_name(params, i) + '/');
    std::sort(names.begin(), names.end());
    for (std::size_t i = 1; i < names.size(); ++i)
        if (names[i].compare(0, names[i - 1].size(), names[i - 1]) == 0)
            refuse(names[i - 1].substr(0, names[i - 1].size() - 1),
                   "several files of the torrent have this path");
}

// aux::to_hex is not exported by every build of 2.1.
std::string part_file_name(lt::sha1_hash const& torrent) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string name = ".";
    for (unsigned char const byte : torrent)
        name += {digits[byte >> 4], digits[byte & 15]};
    return name + ".parts";
}

std::string part_file(lt::add_torrent_params const& params) {
    return params.save_path + "/" + part_file_name(params.ti->info_hashes().get_best());
}

} // namespace patron
