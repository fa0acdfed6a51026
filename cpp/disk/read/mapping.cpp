#include "torrent-patron/cpp/disk/read/mapping.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace patron {
namespace {

std::int64_t page_size() {
    static std::int64_t const size = ::sysconf(_SC_PAGESIZE);
    return size;
}

// The number of pages whose bits share a word of Mapping::resident_.
constexpr std::size_t word_bits = 64;

// Calls `each` with the words that the range covers, as (word, bits), until it returns false.
template <typename Each>
bool for_words(std::int64_t offset, int length, Each each) {
    auto page = static_cast<std::size_t>(offset / page_size());
    auto const end = static_cast<std::size_t>((offset + length - 1) / page_size()) + 1;
    while (page < end) {
        std::size_t const first = page % word_bits;
        std::size_t const count = std::min(word_bits - first, end - page);
        std::uint64_t const ones = ~std::uint64_t{0} >> (word_bits - count);
        if (!each(page / word_bits, ones << first))
            return false;
        page += count;
    }
    return true;
}

// The processor's own prefetching stops at the end of a page. With this, the first lines of each
// page are being fetched while libtorrent gathers blocks for the kernel to copy. That increases the
// rate by a tenth.
void prefetch(char const* begin, int length) noexcept {
    constexpr int line = 64, lines = 4;
    int const page = static_cast<int>(page_size());
    for (int at = 0; at < length; at += page)
        for (int ahead = 0; ahead < lines * line; ahead += line)
            __builtin_prefetch(begin + at + ahead);
}

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
      resident_(static_cast<std::size_t>(size / page_size()) / word_bits + 1) {
    add(counters_->mappings);
}

Mapping::~Mapping() {
    ::munmap(begin_, static_cast<std::size_t>(size_));
    subtract(counters_->mappings);
}

lt::disk_buffer_holder Mapping::block(std::int64_t offset, int length) {
    users_.fetch_add(1, std::memory_order_relaxed);
    char* const begin = begin_ + offset;
    prefetch(begin, length);
    return compat::holder(*this, begin, length);
}

// Unmapping a large file takes milliseconds, so a worker thread does it, if one is left.
void Mapping::free_disk_buffer(char*) {
    if (users_.fetch_sub(1, std::memory_order_acq_rel) > 1)
        return;
    auto const pool = pool_.lock();
    auto const key = reinterpret_cast<std::uintptr_t>(this) / sizeof(Mapping);
    if (!pool || !pool->run(key, [this](bool) { delete this; }))
        delete this;
}

void Mapping::unref() noexcept {
    if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1)
        delete this;
}

bool Mapping::is_resident(std::int64_t offset, int length) const noexcept {
    return for_words(offset, length, [this](std::size_t word, std::uint64_t wanted) {
        return (resident_[word].load(std::memory_order_relaxed) & wanted) == wanted;
    });
}

void Mapping::set_resident(std::int64_t offset, int length) noexcept {
    for_words(offset, length, [this](std::size_t word, std::uint64_t pages) {
        resident_[word].fetch_or(pages, std::memory_order_relaxed);
        return true;
    });
}

void Mapping::sweep() {
    constexpr std::size_t at_once = 16;  // words: 4 MiB with pages of 4 KiB
    constexpr std::size_t budget = 1024; // 256 MiB, which takes about a millisecond
    std::array<unsigned char, at_once * word_bits> pages;
    for (std::size_t done = 0; done < std::min(budget, resident_.size()); done += at_once) {
        if (next_swept_ >= resident_.size())
            next_swept_ = 0;
        std::size_t const first = next_swept_;
        std::size_t const end = std::min(first + at_once, resident_.size());
        next_swept_ = end;
        auto const marks = [this](std::size_t word) {
            return resident_[word].load(std::memory_order_relaxed);
        };
        bool any = false;
        for (std::size_t word = first; word < end; ++word)
            any = any || marks(word) != 0;
        if (!any)
            continue;
        std::int64_t const offset = static_cast<std::int64_t>(first * word_bits) * page_size();
        std::int64_t const length = std::min(
            static_cast<std::int64_t>((end - first) * word_bits) * page_size(), size_ - offset);
        if (length <= 0 ||
            ::mincore(begin_ + offset, static_cast<std::size_t>(length), pages.data()) != 0)
            continue;
        auto const count = static_cast<std::size_t>((length + page_size() - 1) / page_size());
        for (std::size_t page = 0; page < count; ++page) {
            bool const marked = (marks(first + page / word_bits) >> (page % word_bits) & 1) != 0;
            if (marked && (pages[page] & 1) == 0) {
                for (auto& word : resident_)
                    word.store(0, std::memory_order_relaxed);
                return;
            }
        }
    }
}

} // namespace patron
