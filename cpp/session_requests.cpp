// Requests about the session as a whole.
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/requests.hpp"

#include <libtorrent/ip_filter.hpp>
#include <libtorrent/peer_class.hpp>
#include <libtorrent/portmap.hpp>
#include <libtorrent/session_params.hpp>

#include <stdexcept>
#include <string>

namespace patron {
namespace {

void done(AnswerRecord&) {}

template <typename Range>
void append(std::vector<Range> const& ranges, AnswerRecord& answer) {
    for (auto const& range : ranges) {
        if (range.flags & lt::ip_filter::blocked) {
            answer.texts.push_back(text(range.first.to_string()));
            answer.texts.push_back(text(range.last.to_string()));
        }
    }
}

Finish ip_filter(lt::session_handle const& session) {
    return [filter = session.get_ip_filter()](AnswerRecord& answer) {
        auto const ranges = filter.export_filter();
        append(std::get<0>(ranges), answer);
        append(std::get<1>(ranges), answer);
    };
}

Finish set_ip_filter(lt::session_handle& session, RequestRecord const& request,
                     Bounds const& bounds) {
    lt::ip_filter filter;
    for (std::size_t i = 0; i + 1 < request.texts.size(); i += 2)
        filter.add_rule(lt::make_address(std::string(request.texts[i])),
                        lt::make_address(std::string(request.texts[i + 1])),
                        lt::ip_filter::blocked);
    bounds.keep(filter);
    session.set_ip_filter(std::move(filter));
    return done;
}

Finish ban(lt::session_handle& session, std::string const& address) {
    lt::ip_filter filter = session.get_ip_filter();
    auto const ip = lt::make_address(address);
    filter.add_rule(ip, ip, lt::ip_filter::blocked);
    session.set_ip_filter(std::move(filter));
    return done;
}

Finish set_port_filter(lt::session_handle& session, RequestRecord const& request) {
    lt::port_filter filter;
    for (std::size_t i = 0; i + 1 < request.numbers.size(); i += 2)
        filter.add_rule(static_cast<std::uint16_t>(request.numbers[i]),
                        static_cast<std::uint16_t>(request.numbers[i + 1]),
                        lt::port_filter::blocked);
    session.set_port_filter(filter);
    return done;
}

Finish map_port(lt::session_handle& session, RequestRecord const& request) {
    auto const protocol =
        request.index == 0 ? lt::portmap_protocol::tcp : lt::portmap_protocol::udp;
    auto const handles = session.add_port_mapping(protocol, static_cast<int>(request.number),
                                                  static_cast<int>(request.numbers.at(0)));
    return [handles](AnswerRecord& answer) {
        for (auto const handle : handles)
            answer.numbers.push_back(static_cast<int>(handle));
    };
}

// Of a class that is none libtorrent gives zeros.
lt::peer_class_t peer_class(lt::session_handle const& session, RequestRecord const& request) {
    lt::peer_class_t const chosen(static_cast<std::uint32_t>(request.number));
    if (request.number >= 0 && request.number < 32 &&
        session.get_peer_class(chosen).connection_limit_factor > 0)
        return chosen;
    throw std::invalid_argument("peer class " + std::to_string(request.number) + ": there is none");
}

Finish get_peer_class(lt::session_handle const& session, RequestRecord const& request) {
    auto const info = session.get_peer_class(peer_class(session, request));
    return [info](AnswerRecord& answer) {
        answer.peer_class.push_back(PeerClassRecord{
            text(info.label), info.ignore_unchoke_slots, info.connection_limit_factor,
            info.upload_limit, info.download_limit, info.upload_priority, info.download_priority});
    };
}

Finish set_peer_class(lt::session_handle& session, RequestRecord const& request) {
    auto const chosen = peer_class(session, request);
    PeerClassRecord const& record = request.peer_class.at(0);
    lt::peer_class_info info{};
    info.label = std::string(record.name);
    info.ignore_unchoke_slots = record.ignore_unchoke_slots;
    info.connection_limit_factor = record.connection_limit_factor;
    info.upload_limit = record.upload_limit;
    info.download_limit = record.download_limit;
    info.upload_priority = record.upload_priority;
    info.download_priority = record.download_priority;
    session.set_peer_class(chosen, info);
    return done;
}

Finish peer_class_ranges(lt::session_handle const& session) {
    return [filter = session.get_peer_class_filter()](AnswerRecord& answer) {
        auto const add = [&answer](auto const& ranges) {
            for (auto const& range : ranges) {
                if (range.flags == 0)
                    continue;
                answer.texts.push_back(text(range.first.to_string()));
                answer.texts.push_back(text(range.last.to_string()));
                answer.numbers.push_back(range.flags);
            }
        };
        auto const ranges = filter.export_filter();
        add(std::get<0>(ranges));
        add(std::get<1>(ranges));
    };
}

Finish set_peer_class_ranges(lt::session_handle& session, RequestRecord const& request) {
    lt::ip_filter filter;
    for (std::size_t i = 0; i < request.numbers.size(); ++i)
        filter.add_rule(lt::make_address(std::string(request.texts.at(2 * i))),
                        lt::make_address(std::string(request.texts.at(2 * i + 1))),
                        static_cast<std::uint32_t>(request.numbers[i]));
    session.set_peer_class_filter(filter);
    return done;
}

} // namespace

Finish carry_out(lt::session_handle session, RequestRecord& request, Bounds const& bounds) {
    using Kind = RequestKind;
    switch (request.kind) {
    case Kind::Settings:
        return [pack = session.get_settings()](AnswerRecord& answer) {
            answer.settings = setting_records(pack);
        };
    case Kind::ApplySettings:
        session.apply_settings(settings({request.settings.data(), request.settings.size()}));
        return done;
    case Kind::State:
        return [params = session.session_state()](AnswerRecord& answer) {
            auto const encoded = lt::write_session_params_buf(params);
            answer.bytes = bytes(lt::string_view(encoded.data(), encoded.size()));
        };
    case Kind::IpFilter:
        return ip_filter(session);
    case Kind::SetIpFilter:
        return set_ip_filter(session, request, bounds);
    case Kind::Ban:
        return ban(session, std::string(request.text));
    case Kind::PauseAll:
        session.pause();
        return done;
    case Kind::ResumeAll:
        session.resume();
        return done;
    case Kind::AllPaused:
        return [paused = session.is_paused()](AnswerRecord& answer) { answer.number = paused; };
    case Kind::SetPortFilter:
        return set_port_filter(session, request);
    case Kind::AddDhtNode: {
        std::string const host(request.text);
        if (!bounds.web_seed("http://" + host + "/"))
            throw std::invalid_argument(host + ": " + bounds.reason());
        session.add_dht_node({host, static_cast<int>(request.number)});
        return done;
    }
    case Kind::DhtRunning:
        return [runs = session.is_dht_running()](AnswerRecord& answer) { answer.number = runs; };
    case Kind::MapPort:
        return map_port(session, request);
    case Kind::UnmapPort:
        session.delete_port_mapping(lt::port_mapping_t(static_cast<int>(request.number)));
        return done;
    case Kind::ReopenSockets:
        session.reopen_network_sockets();
        return done;
    case Kind::CreatePeerClass:
        return [created = session.create_peer_class(std::string(request.text).c_str())](
                   AnswerRecord& answer) { answer.number = static_cast<std::uint32_t>(created); };
    case Kind::RemovePeerClass:
        session.delete_peer_class(peer_class(session, request));
        return done;
    case Kind::PeerClass:
        return get_peer_class(session, request);
    case Kind::SetPeerClass:
        return set_peer_class(session, request);
    case Kind::PeerClassRanges:
        return peer_class_ranges(session);
    case Kind::SetPeerClassRanges:
        return set_peer_class_ranges(session, request);
    default:
        throw std::invalid_argument("no request about the session");
    }
}

} // namespace patron
