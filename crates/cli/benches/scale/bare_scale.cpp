// Runs many torrents with nothing but libtorrent, as a baseline for the cost of a client.
//
//     bare_scale COUNT DIR [name=value]...
//
// Torrent number N has the file N.bin in DIR/(N / 1000). Prints the duration of each step as "NAME
// SECONDS". At "rest" it waits for a line on stdin, so that it can be measured.

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/bencode.hpp>
#include <libtorrent/entry.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/settings_pack.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_info.hpp>
#include <libtorrent/write_resume_data.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace {

constexpr int size = 16 * 1024;
// Torrents that are being added at a time; without a bound, requests and alerts pile up.
constexpr int most_under_way = 512;

// Creates the same torrents as `torrent` in main.rs.
std::vector<char> torrent(int number) {
    std::string hash = std::to_string(number);
    hash.resize(20, '.');
    lt::entry file(lt::entry::dictionary_t);
    file["info"]["length"] = size;
    file["info"]["name"] = std::to_string(number) + ".bin";
    file["info"]["piece length"] = size;
    file["info"]["pieces"] = hash;
    std::vector<char> out;
    lt::bencode(std::back_inserter(out), file);
    return out;
}

class Clock {
  public:
    explicit Clock(char const* name) : name_(name) {}
    ~Clock() {
        std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begun_;
        std::cout << name_ << ' ' << took.count() << std::endl;
    }

  private:
    char const* name_;
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

// Takes the next alerts; how many of them were what `is_one` looks for.
template <typename IsOne>
int take(lt::session& session, IsOne is_one) {
    std::vector<lt::alert*> alerts;
    session.wait_for_alert(std::chrono::seconds(10));
    session.pop_alerts(&alerts);
    return static_cast<int>(std::count_if(alerts.begin(), alerts.end(), is_one));
}

// Takes alerts until `count` of them satisfy `is_one`.
template <typename IsOne>
void wait_for(lt::session& session, int count, IsOne is_one) {
    while (count > 0)
        count -= take(session, is_one);
}

void apply(lt::settings_pack& pack, std::string const& setting) {
    auto const equals = setting.find('=');
    int const index = lt::setting_by_name(setting.substr(0, equals));
    std::string const value = setting.substr(equals + 1);
    switch (index & lt::settings_pack::type_mask) {
    case lt::settings_pack::string_type_base:
        pack.set_str(index, value);
        break;
    case lt::settings_pack::int_type_base:
        pack.set_int(index, std::stoi(value));
        break;
    default:
        pack.set_bool(index, value == "true");
    }
}

void run(int count, std::string const& directory, lt::settings_pack settings) {
    settings.set_int(lt::settings_pack::alert_mask, lt::alert_category::error |
                                                        lt::alert_category::status |
                                                        lt::alert_category::storage);
    // No alert may be lost.
    settings.set_int(lt::settings_pack::alert_queue_size, 10 * count + 10000);
    lt::session_params params(std::move(settings));
    auto session = std::make_unique<lt::session>(std::move(params));
    std::vector<lt::torrent_handle> torrents;
    {
        Clock const clock("add");
        auto const is_added = [&torrents](lt::alert* alert) {
            auto* const added = lt::alert_cast<lt::add_torrent_alert>(alert);
            if (added != nullptr)
                torrents.push_back(added->handle);
            return added != nullptr;
        };
        int under_way = 0;
        for (int i = 0; i < count; ++i, ++under_way) {
            while (under_way >= most_under_way)
                under_way -= take(*session, is_added);
            lt::add_torrent_params add;
            auto const bytes = torrent(i);
            add.ti = std::make_shared<lt::torrent_info>(lt::span<char const>(bytes), lt::from_span);
            add.save_path = directory + "/" + std::to_string(i / 1000);
            add.have_pieces.resize(1, true);
            add.flags |= lt::torrent_flags::no_verify_files;
            add.flags &= ~(lt::torrent_flags::auto_managed | lt::torrent_flags::paused);
            session->async_add_torrent(std::move(add));
        }
        while (under_way > 0)
            under_way -= take(*session, is_added);
    }
    std::cout << "rest" << std::endl;
    std::string line;
    std::getline(std::cin, line);
    {
        Clock const clock("tick");
        session->post_torrent_updates({});
        wait_for(*session, 1, [](lt::alert* alert) {
            return lt::alert_cast<lt::state_update_alert>(alert) != nullptr;
        });
    }
    {
        Clock const clock("statuses");
        auto const all = session->get_torrent_status([](lt::torrent_status const&) { return true; },
                                                     lt::torrent_handle::query_name);
        if (all.size() != torrents.size())
            std::exit(1);
    }
    std::vector<std::vector<char>> saved;
    {
        Clock const clock("stop");
        {
            Clock const save("save");
            for (auto const& one : torrents)
                one.save_resume_data(lt::torrent_handle::save_info_dict);
            wait_for(*session, count, [&saved](lt::alert* alert) {
                auto* const data = lt::alert_cast<lt::save_resume_data_alert>(alert);
                if (data != nullptr)
                    saved.push_back(lt::write_resume_data_buf(data->params));
                return data != nullptr;
            });
        }
        session.reset();
    }
}

} // namespace

int main(int argc, char* argv[]) {
    try {
        lt::settings_pack settings;
        for (int i = 3; i < argc; ++i)
            apply(settings, argv[i]);
        run(std::stoi(argv[1]), argv[2], std::move(settings));
        return 0;
    } catch (std::exception const& failure) {
        std::cerr << failure.what() << std::endl;
        return 1;
    }
}
