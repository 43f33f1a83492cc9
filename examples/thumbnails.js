// SPDX-License-Identifier: MPL-2.0
// How is a thumbnail of everybody in a room made, every 10 s?
//
//     GST_PLUGIN_PATH=target/release gjs -m examples/thumbnails.js --room studio --folder pictures
//
// Elements emit signals on threads of theirs, where JavaScript cannot run: the bus tells all that
// is needed. A track may be linked at any time; it then begins with a keyframe.
import GLib from 'gi://GLib';
import Gst from 'gi://Gst?version=1.0';
import system from 'system';

const options = {
    room: '', server: 'ws://127.0.0.1:8443', 'password-env': null, folder: '.', seconds: '10',
};
for (let i = 0; i < ARGV.length; i += 2) {
    const name = ARGV[i].replace(/^--/, '');
    if (!(name in options) || i + 1 === ARGV.length) {
        printerr(`${ARGV[i]} should be one of --${Object.keys(options).join(', --')}, and a value`);
        system.exit(2);
    }
    options[name] = ARGV[i + 1];
}

const branches = new Map();

function link(track) {
    // Only keyframes are decoded after the valve: each is an image by itself.
    const branch = Gst.parse_bin_from_description(`
        queue name=in ! valve name=valve ! identity drop-buffer-flags=delta-unit ! decodebin
        ! videoconvert ! jpegenc ! multifilesink name=files post-messages=true async=false`, false);
    // A pad's name has no other special character than this one.
    const name = `${track.name}_${Math.floor(Date.now() / 1000)}`.replaceAll('%', '%%');
    branch.get_by_name('files').location = `${options.folder}/${name}_%05d.jpg`;
    branch.add_pad(Gst.GhostPad.new('sink', branch.get_by_name('in').get_static_pad('sink')));
    pipeline.add(branch);
    branch.sync_state_with_parent();
    track.link(branch.get_static_pad('sink'));
    branches.set(track, branch);
}

Gst.init(null);
GLib.mkdir_with_parents(options.folder, 0o777);
const pipeline = Gst.Pipeline.new(null);
const room = Gst.ElementFactory.make('vdoroomsrc', null);
if (room === null) {
    printerr('GST_PLUGIN_PATH should have the folder of the plugin vdoroom');
    system.exit(1);
}
room.room = options.room;
room.server = options.server;
room.password_env = options['password-env'];
room.receive_audio = false;
pipeline.add(room);

// Lets go of tracks that have ended, and links new ones, which may need more latency.
function update() {
    for (const [track, branch] of [...branches].filter(([track]) => !track.is_linked())) {
        branch.set_state(Gst.State.NULL);
        pipeline.remove(branch);
        branches.delete(track);
    }
    room.foreach_src_pad((_room, track) => {
        if (!track.is_linked())
            link(track);
        return true;
    });
    pipeline.recalculate_latency();
}

const loop = GLib.MainLoop.new(null, false), bus = pipeline.get_bus();
bus.add_signal_watch();
// Told when there are new tracks.
bus.connect('message::latency', update);
bus.connect('message::element', (_bus, message) => {
    const news = message.get_structure();
    if (news.has_name('vdoroom-stream-removed'))
        update();
    if (news.has_name('GstMultiFileSink')) {
        message.src.parent.get_by_name('valve').drop = true;
        print(news.get_string('filename'));
    }
});
bus.connect('message::error', (_bus, message) => {
    printerr(message.parse_error()[0].message);
    pipeline.set_state(Gst.State.NULL);
    system.exit(1);
});
GLib.timeout_add_seconds(GLib.PRIORITY_DEFAULT, options.seconds, () => {
    for (const [track, branch] of branches) {
        branch.get_by_name('valve').drop = false;
        room.emit('request-keyframe', track.stream_id);
    }
    return GLib.SOURCE_CONTINUE;
});
// Each image is written in one piece: nothing has to be closed.
GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, 2 /* SIGINT */, () => loop.quit());
pipeline.set_state(Gst.State.PLAYING);
loop.run();
pipeline.set_state(Gst.State.NULL);
