// Counters of the read path. Any thread may update or read them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace patron {

struct ReadRecord;

struct ReadCounters {
    using Count = std::atomic<std::uint64_t>;

    // Answered at once, on the network thread; or read by the program on its own thread.
    Count mapped_blocks{0};
    Count mapped_bytes{0};
    Count copied_blocks{0};
    Count copied_bytes{0};
    // Read by a worker thread.
    Count cold_blocks{0};
    Count cold_bytes{0};
    // Left to libtorrent's own backend, by reason.
    Count stock_writing{0};
    Count stock_partial{0};
    Count stock_scattered{0};
    Count stock_descriptors{0};
    Count stock_unusable{0};
    Count stock_other{0};

    Count failed{0};
    Count refused{0};
    Count evicted{0};
    // Gauges, which also decrease.
    Count open_files{0};
    Count mappings{0};

    ReadRecord snapshot() const noexcept;
};

inline void add(ReadCounters::Count& count, std::uint64_t amount = 1) noexcept {
    count.fetch_add(amount, std::memory_order_relaxed);
}

inline void subtract(ReadCounters::Count& count) noexcept {
    count.fetch_sub(1, std::memory_order_relaxed);
}

std::shared_ptr<ReadCounters> new_read_counters();

} // namespace patron
