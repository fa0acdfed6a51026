// libtorrent's large headers, which nearly every file here needs. build/objects.rs precompiles them
// when it compiles many files; no file includes this one.
#include <libtorrent/alert_types.hpp>
#include <libtorrent/disk_interface.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/torrent_info.hpp>

#include <boost/asio/post.hpp>
