#include "torrent-patron/cpp/disk/counters.hpp"
#include "torrent-patron/src/sys/counters.rs.h"

namespace patron {

std::shared_ptr<ReadCounters> new_read_counters() {
    return std::make_shared<ReadCounters>();
}

ReadRecord ReadCounters::snapshot() const noexcept {
    auto const now = [](Count const& count) { return count.load(std::memory_order_relaxed); };
    ReadRecord out{};
    out.mapped_blocks = now(mapped_blocks);
    out.mapped_bytes = now(mapped_bytes);
    out.copied_blocks = now(copied_blocks);
    out.copied_bytes = now(copied_bytes);
    out.cold_blocks = now(cold_blocks);
    out.cold_bytes = now(cold_bytes);
    out.stock_writing = now(stock_writing);
    out.stock_partial = now(stock_partial);
    out.stock_scattered = now(stock_scattered);
    out.stock_descriptors = now(stock_descriptors);
    out.stock_unusable = now(stock_unusable);
    out.stock_other = now(stock_other);
    out.failed = now(failed);
    out.refused = now(refused);
    out.evicted = now(evicted);
    out.open_files = now(open_files);
    out.mappings = now(mappings);
    return out;
}

} // namespace patron
