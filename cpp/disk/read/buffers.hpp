// Memory for blocks that are copied.
#pragma once

#include "torrent-patron/cpp/compat.hpp"

#include <libtorrent/disk_buffer_holder.hpp>
#include <libtorrent/disk_interface.hpp>

#include <memory>
#include <vector>

namespace patron {

// Blocks that the network thread fills and frees, so no lock is needed. Counts its users, because
// blocks that wait to be sent outlive the session's disk backend.
class Buffers final : public compat::BufferAllocator {
  public:
    struct Unref {
        void operator()(Buffers* buffers) const noexcept { buffers->unref(); }
    };
    using Owner = std::unique_ptr<Buffers, Unref>;
    static Owner make() { return Owner(new Buffers); }

    char* allocate() {
        ++users_;
        if (free_.empty())
            return new char[lt::default_block_size];
        char* const buffer = free_.back().release();
        free_.pop_back();
        return buffer;
    }

    lt::disk_buffer_holder hold(char* buffer, int size) {
        return compat::holder(*this, buffer, size);
    }

    void free_disk_buffer(char* buffer) override {
        std::unique_ptr<char[]> freed(buffer);
        if (free_.size() < max_free)
            free_.push_back(std::move(freed));
        unref();
    }

  private:
    // 16 MiB. Memory beyond that is returned to the heap.
    static constexpr std::size_t max_free = 1024;

    Buffers() { free_.reserve(max_free); }

    void unref() noexcept {
        if (--users_ == 0)
            delete this;
    }

    std::vector<std::unique_ptr<char[]>> free_;
    // The owner and every block in use.
    std::size_t users_ = 1;
};

// Blocks that worker threads fill.
class HeapBuffers final : public compat::BufferAllocator {
  public:
    static lt::disk_buffer_holder hold(std::unique_ptr<char[]> buffer, int size) {
        static HeapBuffers heap;
        return compat::holder(heap, buffer.release(), size);
    }

    void free_disk_buffer(char* buffer) override { delete[] buffer; }
};

} // namespace patron
