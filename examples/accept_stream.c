// SPDX-License-Identifier: MPL-2.0
// How is only one stream of a room received, chosen by the application?
//
//     cc -o accept_stream examples/accept_stream.c $(pkg-config --cflags --libs gstreamer-1.0)
//     GST_PLUGIN_PATH=target/release ./accept_stream --room studio
//
// It records the first guest, with all their parts, and no other.
#include <glib-unix.h>
#include <gst/gst.h>

static gchar *room, *server = "ws://127.0.0.1:8443", *password_env, *location = "first_%s_%n.%e";

static const GOptionEntry options[] = {
    {"room", 0, 0, G_OPTION_ARG_STRING, &room, "Room to join", "ROOM"},
    {"server", 0, 0, G_OPTION_ARG_STRING, &server, "Room server", "URL"},
    {"password-env", 0, 0, G_OPTION_ARG_STRING, &password_env,
     "Environment variable with the room's password", "NAME"},
    {"location", 0, 0, G_OPTION_ARG_STRING, &location, "Template of the files' names", "NAME"},
    {NULL},
};

// Asked for each stream that comes, on a thread of the element's, one after the other.
static gboolean on_accept_stream(GstElement *source, const gchar *id, GstStructure *info,
                                 gchar **first) {
    if (*first == NULL)
        *first = g_strdup(id);
    gboolean accepted = g_strcmp0(id, *first) == 0;
    g_print("%s %s\n", id, accepted ? "is recorded" : "is not");
    return accepted;
}

static void on_pad_added(GstElement *source, GstPad *pad, GstElement *sink) {
    gchar *name = gst_pad_get_name(pad);
    if (!gst_element_link_pads(source, name, sink, NULL))
        g_printerr("%s cannot be recorded\n", name);
    g_free(name);
}

typedef struct {
    GMainLoop *loop;
    gboolean failed;
} End;

static gboolean on_message(GstBus *bus, GstMessage *message, End *end) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        GError *error;
        gst_message_parse_error(message, &error, NULL);
        g_printerr("error: %s\n", error->message);
        g_error_free(error);
        end->failed = TRUE;
    }
    if (GST_MESSAGE_TYPE(message) & (GST_MESSAGE_ERROR | GST_MESSAGE_EOS))
        g_main_loop_quit(end->loop);
    return G_SOURCE_CONTINUE;
}

// Runs in the main loop, not in the signal handler. EOS ends the files, a second Ctrl+C all.
static gboolean on_interrupt(GstElement *pipeline) {
    gst_element_send_event(pipeline, gst_event_new_eos());
    return G_SOURCE_REMOVE;
}

int main(int argc, char **argv) {
    GError *error = NULL;
    GOptionContext *context = g_option_context_new("- records the first one of a room");
    g_option_context_add_main_entries(context, options, NULL);
    g_option_context_add_group(context, gst_init_get_option_group());
    if (!g_option_context_parse(context, &argc, &argv, &error) || room == NULL) {
        g_printerr("%s\n", error ? error->message : "--room is missing");
        return 2;
    }
    GstElement *source = gst_element_factory_make_full("vdoroomsrc", "room", room, "server", server,
                                                       "password-env", password_env, NULL);
    GstElement *sink = gst_element_factory_make_full("roomfilesink", "location", location, NULL);
    if (source == NULL || sink == NULL) {
        g_printerr("GST_PLUGIN_PATH should have the folder of the plugin vdoroom\n");
        return 1;
    }
    gchar *first = NULL;
    End end = {g_main_loop_new(NULL, FALSE), FALSE};
    GstElement *pipeline = gst_pipeline_new(NULL);
    gst_bin_add_many(GST_BIN(pipeline), source, sink, NULL);
    g_signal_connect(source, "accept-stream", G_CALLBACK(on_accept_stream), &first);
    g_signal_connect(source, "pad-added", G_CALLBACK(on_pad_added), sink);
    GstBus *bus = gst_element_get_bus(pipeline);
    gst_bus_add_watch(bus, (GstBusFunc)on_message, &end);
    g_unix_signal_add(SIGINT, G_SOURCE_FUNC(on_interrupt), pipeline);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    g_main_loop_run(end.loop);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_bus_remove_watch(bus);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
    g_main_loop_unref(end.loop);
    g_option_context_free(context);
    g_free(first);
    return end.failed ? 1 : 0;
}
