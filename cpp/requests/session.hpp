// The session on the network thread; see requests/torrent.hpp.
#pragma once

#include "torrent-patron/cpp/trycatch.hpp"

#include "rust/cxx.h"

#include <libtorrent/ip_filter.hpp>
#include <libtorrent/portmap.hpp>
#include <libtorrent/session_handle.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

namespace patron {

class NetworkPolicy;
class Listening;
class OverriddenSetting;
class PeerClasses;
struct QueuePlaceRecord;
struct ClassRangesRecord;
struct DemandRecord;
struct PeerClassRecord;
struct SettingRecord;
enum class Protocol : std::uint8_t;

// Blocked addresses. There may be hundreds of thousands of ranges, so that other threads than the
// network thread make and list them.
class IpFilter {
  public:
    explicit IpFilter(lt::ip_filter filter) : filter_(std::move(filter)) {}
    // The first and last address of each range.
    rust::Vec<rust::String> ranges() const;
    lt::ip_filter const& get() const noexcept { return filter_; }

  private:
    lt::ip_filter filter_;
};
std::unique_ptr<IpFilter> new_ip_filter(rust::Slice<rust::String const> ends);

class SessionHandle : public lt::session_handle {
  public:
    SessionHandle(lt::session_handle handle, NetworkPolicy const& policy,
                  OverriddenSetting& threshold, Listening& listening, PeerClasses& classes);

    rust::Vec<SettingRecord> current_settings() const;
    void change_settings(rust::Slice<SettingRecord const> settings);
    DemandRecord demand(std::uint32_t queued) const;
    rust::Vec<std::uint8_t> state(rust::Slice<SettingRecord const> instead) const;
    // Without settings.
    rust::Vec<std::uint8_t> network_state() const;
    // The id and the position of each torrent in the queue.
    rust::Vec<QueuePlaceRecord> queue() const;

    std::unique_ptr<IpFilter> blocked() const;
    void block(IpFilter const& filter);
    void ban(rust::Str address);
    // The first and last port of each range that outgoing connections must not use.
    void block_ports(rust::Slice<std::uint16_t const> ends);

    void add_node(rust::Str host, std::uint16_t port);
    rust::Vec<std::int32_t> map_port(Protocol protocol, std::uint16_t external,
                                     std::uint16_t local);
    void unmap_port(std::int32_t mapping) { delete_port_mapping(lt::port_mapping_t(mapping)); }
    void reopen_sockets();

    std::uint32_t add_peer_class(rust::Str name);
    void remove_peer_class(std::uint32_t number);
    PeerClassRecord peer_class(std::uint32_t number) const;
    void change_peer_class(std::uint32_t number, PeerClassRecord const& record);
    ClassRangesRecord peer_class_ranges() const;
    void set_peer_class_ranges(ClassRangesRecord const& ranges);

  private:
    NetworkPolicy const& policy_;
    Listening& listening_;
    std::array<OverriddenSetting*, 2> const overridden_;
    PeerClasses& classes_;
};

} // namespace patron
