/*
 * Seeds torrents from one thread that waits with epoll for events, signals and a timer.
 *
 *     seed_poll [--offline] DIRECTORY FILE.torrent...
 *
 * DIRECTORY holds the data. Every two seconds a line sums up all torrents. SIGINT and SIGTERM
 * stop it. With --offline nothing leaves this machine. For Linux; compile with:
 *
 *     cc seed_poll.c $(pkg-config --cflags --libs torrent_patron) -o seed_poll
 */
#define _POSIX_C_SOURCE 200809L

#include <torrent_patron.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define INTERVAL_S 2

static bool complain(patron_error* error) {
    fprintf(stderr, "seed_poll: %s\n", patron_error_message(error).data);
    patron_error_free(error);
    return false;
}

static bool complain_of(const char* call) {
    perror(call);
    return false;
}

/* Reads all waiting events. Returns false when the client has stopped. */
static bool drain(patron_handle* handle) {
    patron_event* event = NULL;
    patron_error* error = NULL;
    int32_t code;
    while ((code = patron_next_event(handle, 0, &event, &error)) == PATRON_OK) {
        /* The status of each torrent is also in the snapshots. */
        if (patron_event_kind(event) != PATRON_EVENT_STATUS) {
            puts(patron_event_explain(event).data);
        }
        patron_event_free(event);
    }
    if (code != PATRON_E_TIMED_OUT) {
        return complain(error);
    }
    patron_error_free(error);
    return true;
}

/* Sums up all torrents, a page of them at a time. */
static bool print_status(patron_handle* handle) {
    patron_snapshot* snapshot = NULL;
    patron_error* error = NULL;
    if (patron_snapshot_take(handle, &snapshot, &error) != PATRON_OK) {
        return complain(error);
    }
    patron_status page[64];
    size_t count = patron_snapshot_count(snapshot), seeding = 0, written = 0;
    uint64_t uploaded = 0, rate = 0;
    for (size_t first = 0; first < count; first += written) {
        if (patron_snapshot_read(snapshot, first, page, sizeof page[0], 64, &written, &error) !=
            PATRON_OK) {
            patron_snapshot_free(snapshot);
            return complain(error);
        }
        for (size_t index = 0; index < written; index++) {
            seeding += page[index].seeding;
            uploaded += page[index].uploaded;
            rate += page[index].upload_rate;
        }
    }
    printf("%zu of %zu torrents are seeding, %llu bytes sent, %llu bytes/s\n", seeding, count,
           (unsigned long long)uploaded, (unsigned long long)rate);
    patron_snapshot_free(snapshot);
    return true;
}

static bool watch(int epoll, int fd) {
    struct epoll_event event = {0};
    event.events = EPOLLIN;
    event.data.fd = fd;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Returns true after a signal, or false if something failed. */
static bool loop(patron_handle* handle, int epoll, int events, int signals, int timer) {
    if (!watch(epoll, events) || !watch(epoll, signals) || !watch(epoll, timer)) {
        return complain_of("epoll_ctl");
    }
    for (;;) {
        struct epoll_event ready;
        int count = epoll_wait(epoll, &ready, 1, -1);
        if (count != 1) {
            if (errno == EINTR) { /* stopped and continued */
                continue;
            }
            return complain_of("epoll_wait");
        }
        if (ready.data.fd == signals) {
            return true;
        }
        if (ready.data.fd == events && !drain(handle)) {
            return false;
        }
        if (ready.data.fd == timer) {
            uint64_t ticks;
            if (read(timer, &ticks, sizeof ticks) != sizeof ticks) {
                return complain_of("timerfd");
            }
            if (!print_status(handle)) {
                return false;
            }
        }
        fflush(stdout);
    }
}

static bool run(patron_handle* handle, int signals) {
    int32_t events = -1;
    patron_error* error = NULL;
    if (patron_event_fd(handle, &events, &error) != PATRON_OK) {
        return complain(error);
    }
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    struct itimerspec interval = {{INTERVAL_S, 0}, {INTERVAL_S, 0}};
    bool done = epoll >= 0 && timer >= 0 && timerfd_settime(timer, 0, &interval, NULL) == 0
                    ? loop(handle, epoll, events, signals, timer)
                    : complain_of("seed_poll");
    /* `events` belongs to the patron. */
    close(epoll);
    close(timer);
    return done;
}

static bool start(const char* directory, bool offline, patron_client** client,
                  patron_handle** handle) {
    patron_builder* builder = NULL;
    patron_settings* settings = NULL;
    patron_error* error = NULL;
    bool started =
        patron_settings_new(PATRON_PRESET_SEEDING, &settings, &error) == PATRON_OK &&
        patron_builder_new(&builder, &error) == PATRON_OK &&
        patron_builder_set_settings(builder, settings, &error) == PATRON_OK &&
        patron_builder_set_offline(builder, offline, &error) == PATRON_OK &&
        patron_builder_set_save_dir(builder, PATRON_TEXT(directory), &error) == PATRON_OK &&
        patron_builder_start(builder, client, &error) == PATRON_OK &&
        patron_client_patron(*client, handle, &error) == PATRON_OK;
    patron_builder_free(builder);
    patron_settings_free(settings);
    return started || complain(error);
}

static bool stop(patron_client* client) {
    patron_report* report = NULL;
    patron_error* error = NULL;
    if (patron_client_shutdown(client, 5000, &report, &error) != PATRON_OK) {
        return complain(error);
    }
    puts(patron_report_explain(report).data);
    patron_report_free(report);
    return true;
}

int main(int argc, char** argv) {
    bool offline = argc > 1 && strcmp(argv[1], "--offline") == 0;
    int first = offline ? 2 : 1;
    if (argc - first < 2) {
        fputs("usage: seed_poll [--offline] DIRECTORY FILE.torrent...\n", stderr);
        return 2;
    }

    /* Before the client starts: its threads inherit the mask, so they receive no signals. */
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    int signals = signalfd(-1, &mask, SFD_CLOEXEC);
    if (signals < 0) {
        perror("signalfd");
        return 1;
    }

    patron_client* client = NULL;
    patron_handle* handle = NULL;
    patron_error* error = NULL;
    bool good = start(argv[first], offline, &client, &handle);
    for (int index = first + 1; good && index < argc; index++) {
        /* The result, including a failure, is an event. */
        good = patron_send_add_torrent(handle, PATRON_SOURCE_FILE, PATRON_TEXT(argv[index]), NULL,
                                       0, true, &error) == PATRON_OK ||
               complain(error);
    }
    good = good && run(handle, signals) && stop(client);
    patron_free(handle);
    patron_client_free(client);
    close(signals);
    return good ? 0 : 1;
}
