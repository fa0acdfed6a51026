/*
 * Downloads one torrent and prints its events, until it is complete or Ctrl-C is pressed.
 *
 *     download [--offline] FILE|MAGNET DIRECTORY [PEER]
 *
 * FILE is a .torrent file, PEER an address to try at once, such as 127.0.0.1:6881. With --offline
 * nothing leaves this machine. Compile with:
 *
 *     cc download.c $(pkg-config --cflags --libs torrent_patron) -pthread -o download
 */
#define _POSIX_C_SOURCE 200809L

#include <torrent_patron.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Waits for Ctrl-C, and ends the wait for events. A signal handler must not call the library. */
static void* wait_for_signal(void* handle) {
    sigset_t signals;
    int number;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigwait(&signals, &number);
    patron_interrupt((patron_handle*)handle, NULL);
    return NULL;
}

/* Prints the events until one says how the download ended; returns 0 if it is complete. */
static int follow(patron_handle* handle) {
    int result = -1;
    while (result < 0) {
        patron_event* event = NULL;
        patron_error* error = NULL;
        int32_t code = patron_next_event(handle, -1, &event, &error);
        if (code == PATRON_OK) {
            puts(patron_event_explain(event).data);
            fflush(stdout);
            switch (patron_event_kind(event)) {
            case PATRON_EVENT_FINISHED:
                result = 0;
                break;
            case PATRON_EVENT_ERROR:
            case PATRON_EVENT_CLIENT_STOPPED:
                result = 1;
                break;
            }
        } else {
            if (code != PATRON_E_CANCELLED) { /* which patron_interrupt() does */
                fprintf(stderr, "download: %s\n", patron_error_message(error).data);
            }
            result = 1;
        }
        patron_event_free(event);
        patron_error_free(error);
    }
    return result;
}

static int download(const char* source, const char* directory, const char* peer, bool offline) {
    patron_builder* builder = NULL;
    patron_add_options* options = NULL;
    patron_client* client = NULL;
    patron_handle* handle = NULL;
    patron_reply* reply = NULL;
    patron_report* report = NULL;
    patron_error* error = NULL;
    int result = 1;

    /* Each call is made only if those before it succeeded, so `error` is set at most once. */
    bool started =
        patron_builder_new(&builder, &error) == PATRON_OK &&
        patron_builder_set_offline(builder, offline, &error) == PATRON_OK &&
        patron_builder_set_save_dir(builder, PATRON_TEXT(directory), &error) == PATRON_OK &&
        patron_builder_start(builder, &client, &error) == PATRON_OK &&
        patron_client_patron(client, &handle, &error) == PATRON_OK &&
        patron_add_options_new(&options, &error) == PATRON_OK &&
        (!peer || patron_add_options_add_peer(options, PATRON_TEXT(peer), &error) == PATRON_OK) &&
        patron_add_torrent(handle, PATRON_SOURCE_TEXT, PATRON_TEXT(source), options, &reply,
                           &error) == PATRON_OK &&
        patron_reply_wait(reply, -1, &error) == PATRON_OK;
    pthread_t waiter;
    if (started && pthread_create(&waiter, NULL, wait_for_signal, handle) == 0) {
        pthread_detach(waiter);
        result = follow(handle);
    }
    if (!error && patron_client_shutdown(client, 5000, &report, &error) == PATRON_OK) {
        puts(patron_report_explain(report).data);
    }
    if (error) {
        fprintf(stderr, "download: %s\n", patron_error_message(error).data);
        result = 1;
    }

    /* It is fine to free NULL, and a handle that was already freed or shut down. */
    patron_report_free(report);
    patron_reply_free(reply);
    patron_add_options_free(options);
    patron_free(handle);
    patron_client_free(client);
    patron_builder_free(builder);
    patron_error_free(error);
    return result;
}

int main(int argc, char** argv) {
    bool offline = argc > 1 && strcmp(argv[1], "--offline") == 0;
    int first = offline ? 2 : 1;
    if (argc - first < 2 || argc - first > 3) {
        fputs("usage: download [--offline] FILE|MAGNET DIRECTORY [PEER]\n", stderr);
        return 2;
    }
    /* Before any thread starts: threads inherit the mask, so only one receives the signals. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return download(argv[first], argv[first + 1], argc - first == 3 ? argv[first + 2] : NULL,
                    offline);
}
