#include "torrent-patron/cpp/disk/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

namespace patron {
namespace {

std::int64_t page_size() {
    static std::int64_t const size = ::sysconf(_SC_PAGESIZE);
    return size;
}

lt::error_code system_error(int number) {
    return lt::error_code(number, boost::system::system_category());
}

enum FileError { shorter = 1, changed = 2 };

// What libtorrent has no words for.
class FileCategory final : public boost::system::error_category {
  public:
    char const* name() const noexcept override { return "file"; }
    std::string message(int value) const override {
        return value == shorter ? "it is shorter than the torrent says"
                                : "it has changed since it was first read";
    }
};

lt::error_code file_error(FileError value) {
    static FileCategory const category;
    return lt::error_code(value, category);
}

constexpr std::size_t bits = 64;

// Pieces may have 16 MiB and more, which not every peer comes to ask for.
constexpr int most_ahead = 1024 * 1024;

} // namespace

Mapping* Mapping::make(int file, std::int64_t size, std::weak_ptr<Pool> pool,
                       std::shared_ptr<ReadCounters> counters) {
    auto const length = static_cast<std::size_t>(size);
    void* const begin = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, file, 0);
    if (begin == MAP_FAILED)
        return nullptr;
    return new Mapping(static_cast<char*>(begin), size, std::move(pool), std::move(counters));
}

Mapping::Mapping(char* begin, std::int64_t size, std::weak_ptr<Pool> pool,
                 std::shared_ptr<ReadCounters> counters)
    : begin_(begin), size_(size), pool_(std::move(pool)), counters_(std::move(counters)),
      resident_(static_cast<std::size_t>(size / page_size()) / bits + 1) {
    add(counters_->mappings);
}

Mapping::~Mapping() {
    ::munmap(begin_, static_cast<std::size_t>(size_));
    subtract(counters_->mappings);
}

namespace {

// The processor fetches ahead by itself, but not over the end of a page: the first lines of each
// are on their way while libtorrent gathers blocks for the kernel to copy. That is worth a tenth of
// the rate.
void prefetch(char const* begin, int length) noexcept {
    constexpr int line = 64, lines = 4;
    int const page = static_cast<int>(page_size());
    for (int at = 0; at < length; at += page)
        for (int ahead = 0; ahead < lines * line; ahead += line)
            __builtin_prefetch(begin + at + ahead);
}

} // namespace

lt::disk_buffer_holder Mapping::block(std::int64_t offset, int length) {
    users_.fetch_add(1, std::memory_order_relaxed);
    char* const begin = begin_ + offset;
    prefetch(begin, length);
    return compat::holder(*this, begin, length);
}

// To unmap what is large takes milliseconds: a worker does it while there are workers.
void Mapping::free_disk_buffer(char*) {
    if (users_.fetch_sub(1, std::memory_order_acq_rel) > 1)
        return;
    auto const pool = pool_.lock();
    if (!pool || !pool->run(0, [this](bool) { delete this; }))
        delete this;
}

void Mapping::let_go() noexcept {
    if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1)
        delete this;
}

namespace {

// The bits of the words that the range covers, given to `each` as (word, bits) until it says no.
template <typename Each>
bool for_words(std::int64_t offset, int length, Each each) {
    auto page = static_cast<std::size_t>(offset / page_size());
    auto const end = static_cast<std::size_t>((offset + length - 1) / page_size()) + 1;
    while (page < end) {
        std::size_t const first = page % bits;
        std::size_t const count = std::min(bits - first, end - page);
        std::uint64_t const ones = ~std::uint64_t{0} >> (bits - count);
        if (!each(page / bits, ones << first))
            return false;
        page += count;
    }
    return true;
}

} // namespace

bool Mapping::is_resident(std::int64_t offset, int length) const noexcept {
    return for_words(offset, length, [this](std::size_t word, std::uint64_t wanted) {
        return (resident_[word].load(std::memory_order_relaxed) & wanted) == wanted;
    });
}

void Mapping::set_resident(std::int64_t offset, int length) noexcept {
    for_words(offset, length, [this](std::size_t word, std::uint64_t there) {
        resident_[word].fetch_or(there, std::memory_order_relaxed);
        return true;
    });
}

void Mapping::sweep() {
    constexpr std::size_t at_once = 16;  // words: 4 MiB with pages of 4 KiB
    constexpr std::size_t budget = 1024; // 256 MiB, which takes about a millisecond
    std::array<unsigned char, at_once * bits> pages;
    for (std::size_t done = 0; done < std::min(budget, resident_.size()); done += at_once) {
        if (next_swept_ >= resident_.size())
            next_swept_ = 0;
        std::size_t const first = next_swept_;
        std::size_t const end = std::min(first + at_once, resident_.size());
        next_swept_ = end;
        auto const said = [this](std::size_t word) {
            return resident_[word].load(std::memory_order_relaxed);
        };
        bool any = false;
        for (std::size_t word = first; word < end; ++word)
            any = any || said(word) != 0;
        if (!any)
            continue;
        std::int64_t const offset = static_cast<std::int64_t>(first * bits) * page_size();
        std::int64_t const length =
            std::min(static_cast<std::int64_t>((end - first) * bits) * page_size(), size_ - offset);
        if (length <= 0 ||
            ::mincore(begin_ + offset, static_cast<std::size_t>(length), pages.data()) != 0)
            continue;
        auto const count = static_cast<std::size_t>((length + page_size() - 1) / page_size());
        for (std::size_t page = 0; page < count; ++page) {
            if ((pages[page] & 1) == 0 && (said(first + page / bits) >> (page % bits) & 1) != 0) {
                for (auto& word : resident_)
                    word.store(0, std::memory_order_relaxed);
                return;
            }
        }
    }
}

File::~File() {
    if (mapping_ != nullptr)
        mapping_->let_go();
    if (descriptor_ >= 0) {
        ::close(descriptor_);
        subtract(counters_->open_files);
    }
}

void File::open() {
    std::lock_guard<std::mutex> const lock(mutex_);
    if (state() == State::open || state() == State::lost)
        return;
    // Non-blocking: a pipe that lies at the path would be waited for until someone writes to it.
    int const descriptor = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        bool const exhausted = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
        return state_.store(exhausted ? State::exhausted : State::unusable);
    }
    struct stat found {};
    if (::fstat(descriptor, &found) != 0 || !S_ISREG(found.st_mode) || found.st_size < size_) {
        ::close(descriptor);
        return state_.store(State::unusable);
    }
    // Some file systems number their files anew once nobody has them open.
    if (stamp_ && !stamp_->same_content(Stamp(found))) {
        ::close(descriptor);
        return lose(file_error(changed));
    }
    stamp_.emplace(found);
    descriptor_ = descriptor;
    add(counters_->open_files);
    if (mapped_)
        mapping_ = Mapping::make(descriptor, size_, pool_, counters_);
    state_.store(State::open, std::memory_order_release);
}

void File::check() {
    std::lock_guard<std::mutex> const lock(mutex_);
    if (state() != State::open)
        return;
    struct stat found {};
    if (::stat(path_.c_str(), &found) != 0)
        return lose(system_error(errno));
    if (found.st_size < size_)
        return lose(file_error(shorter));
    if (!stamp_->same_file(Stamp(found)) || !stamp_->same_content(Stamp(found)))
        return lose(file_error(changed));
    if (mapping_ != nullptr)
        mapping_->sweep();
}

void File::lose(lt::error_code failure) noexcept {
    failure_ = failure;
    state_.store(State::lost, std::memory_order_release);
}

bool File::read_resident(char* buffer, int length, std::int64_t offset) {
    iovec const whole{buffer, static_cast<std::size_t>(length)};
    ssize_t const read = ::preadv2(descriptor_, &whole, 1, offset, RWF_NOWAIT);
    if (read < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
        nowait_.store(false, std::memory_order_relaxed);
        add(counters_->refused);
    }
    return read == length;
}

lt::error_code File::read(char* buffer, int length, std::int64_t offset, int ahead) {
    if (reads_resident() && read_resident(buffer, length, offset))
        return {};
    // The blocks after this one are then in memory when they are asked for.
    ::posix_fadvise(descriptor_, offset, std::min(ahead, most_ahead), POSIX_FADV_WILLNEED);
    while (length > 0) {
        ssize_t const read = ::pread(descriptor_, buffer, static_cast<std::size_t>(length), offset);
        if (read < 0 && errno == EINTR)
            continue;
        if (read < 0)
            return system_error(errno);
        if (read == 0)
            return file_error(shorter);
        buffer += read;
        offset += read;
        length -= static_cast<int>(read);
    }
    return {};
}

} // namespace patron
