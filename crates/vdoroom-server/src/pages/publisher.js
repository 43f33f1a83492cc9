// SPDX-License-Identifier: MPL-2.0
// A publisher of a room: one stream to whoever asks for it, as PROTOCOL.md has it. In the order in
// which web pages do it: data channel first, media by renegotiation on that channel.
//
// A classic script, since browsers load no module from a file.
"use strict";

/** The password that a room has when nobody chose one (protocol 2.3). */
const DEFAULT_PASSWORD = "someEncryptionKey123";

/** What a room's password does: names on the wire, and what is encrypted (protocol 2.2 to 2.6, 4.4). */
class RoomSecrets {
  /** `password`: a text; empty for the default; null for no password and no encryption. */
  static async of(password, salt) {
    const secrets = new RoomSecrets();
    secrets.salt = salt;
    secrets.password = password === null ? null : encodeURIComponent(password.trim() || DEFAULT_PASSWORD);
    secrets.key = password === null ? null : await crypto.subtle.importKey(
      "raw", await sha256(secrets.password + salt), { name: "AES-CBC" }, false, ["encrypt", "decrypt"]);
    return secrets;
  }

  static cleaned(name) {
    return name.trim().replace(/[^A-Za-z0-9_]+/g, "_");
  }

  async room(name) {
    const cleaned = RoomSecrets.cleaned(name).slice(0, 30);
    return this.key ? toHex(await sha256(cleaned + this.password + this.salt)).slice(0, 16) : cleaned;
  }

  async stream(id) {
    return this.key ? id.slice(0, 44) + toHex(await sha256(this.password + this.salt)).slice(0, 6) : id;
  }

  async seal(field, value) {
    if (!this.key) return { [field]: value };
    const iv = crypto.getRandomValues(new Uint8Array(16));
    const text = utf8.encode(JSON.stringify(value));
    const sealed = await crypto.subtle.encrypt({ name: "AES-CBC", iv }, this.key, text);
    return { [field]: toHex(sealed), vector: toHex(iv) };
  }

  async open(message, field) {
    if (!message.vector) return message[field];
    const iv = fromHex(message.vector);
    const plain = await crypto.subtle.decrypt({ name: "AES-CBC", iv }, this.key, fromHex(message[field]));
    return JSON.parse(new TextDecoder().decode(plain));
  }
}

const utf8 = new TextEncoder();
const toHex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const fromHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const sha256 = (text) => crypto.subtle.digest("SHA-256", utf8.encode(text));
const codecsOf = (kind) => RTCRtpSender.getCapabilities(kind).codecs;

function randomName(length) {
  const letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
  const random = crypto.getRandomValues(new Uint8Array(length));
  return [...random].map((byte) => letters[byte % letters.length]).join("");
}

/**
 * One stream in a room, from `join` to `leave`.
 *
 * `options`: `server` (its URL), `room` and `stream` (as people call them), `secrets`, `label`,
 * `relay` (the dialect of a relay), `media` (a MediaStream), `codec` (of the video, such as VP8;
 * empty for the browser's own order), `profile` (how the profile-level-id of H264 begins), `eager`
 * (offers all media whatever the viewer asks for), `mediaFirst` (has all media in the first offer,
 * before the data channel), `audioFirst` (has audio before video), `encodings` (of the video: `sendEncodings` of its transceiver).
 *
 * `tell(event, details)` hears what happens: `joined`, `left` (the server is lost), `alert`, `state`
 * (of a viewer's connection), `media` (a viewer has asked for it), `closed`, `limit`, `complaint`.
 */
class RoomPublisher {
  constructor(options, tell) {
    this.options = options;
    this.media = options.media;
    this.tell = tell;
    this.uuid = crypto.randomUUID();
    this.peers = new Map();
    /** What viewers are told of the media when their channel opens. */
    this.muted = { audio: false, video: false };
    this.sharesScreen = false;
  }

  // --- The room ---------------------------------------------------------------------------

  async join() {
    const { secrets, room, stream } = this.options;
    this.room = await secrets.room(room);
    this.stream = await secrets.stream(stream);
    this.connect();
  }

  /** Says goodbye to all viewers, then closes everything. */
  leave() {
    this.hasLeft = true;
    this.socket?.close();
    this.hangUp();
  }

  /** Says goodbye to all viewers; the room is not left. */
  hangUp() {
    this.sayToAll({ bye: true });
    // The goodbye wants a moment to leave (protocol 5.5).
    setTimeout(() => this.peers.forEach((peer) => this.close(peer)), 100);
  }

  connect() {
    if (this.hasLeft) return;
    const { server, relay } = this.options;
    this.socket = new WebSocket(server);
    this.socket.onopen = () => {
      const join = { request: "joinroom", roomid: this.room };
      this.say(relay ? { ...join, streamID: this.stream } : join);
      if (!relay) this.seed();
      this.tell("joined");
    };
    this.socket.onmessage = ({ data }) => this.hear(JSON.parse(data));
    this.socket.onclose = () => {
      if (this.hasLeft) return;
      this.tell("left");
      setTimeout(() => this.connect(), 5000);
    };
  }

  seed() {
    if (!this.hasLeft) this.say({ request: "seed", streamID: this.stream });
  }

  say(message) {
    const whole = this.options.relay ? { ...message, from: this.uuid, roomid: this.room } : message;
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(whole));
  }

  hear(message) {
    const { relay } = this.options;
    const sender = relay ? message.from : message.UUID;
    const complaint = message.request === "alert" ? message.message : message.error;
    if (complaint) {
      this.tell("alert", { message: complaint });
      // An ID is free again when the server notices that its former owner is gone (protocol 3.6).
      setTimeout(() => this.seed(), 5000);
      return;
    }
    if (relay && ((message.UUID && message.UUID !== this.uuid) || message.from === this.uuid)) return;
    const plays = message.request === "play" && message.streamID === this.stream;
    const joins = message.request === "joinroom" && !message.streamID;
    if (message.request === "offerSDP" || (relay && (plays || joins))) this.offerTo(sender);
    else if (!message.request) this.peers.get(sender)?.enqueue(message);
  }

  // --- Media ------------------------------------------------------------------------------

  track(kind) {
    return this.media.getTracks().find((track) => track.kind === kind);
  }

  /** Sends `track` in the place of the one of its kind, to all viewers; null to send none. */
  async replace(kind, track) {
    const old = this.track(kind);
    if (old) this.media.removeTrack(old);
    if (track) this.media.addTrack(track);
    await Promise.all([...this.peers.values()].map((peer) => this.send(peer, kind, track)));
    old?.stop();
  }

  async send(peer, kind, track) {
    if (!peer.requested?.[kind]) return;
    const sender = this.sender(peer, kind);
    if (sender) return sender.replaceTrack(track);
    if (!track) return;
    peer.connection.addTrack(track, this.media);
    this.preferCodec(peer);
    return peer.enter(() => this.offer(peer));
  }

  sender(peer, kind) {
    const of = ({ sender, receiver }) => (sender.track ?? receiver.track).kind === kind;
    return peer.connection.getTransceivers().find(of)?.sender;
  }

  /** Whether the video is a screen's. */
  shareScreen(shares) {
    if (shares === this.sharesScreen) return;
    this.sharesScreen = shares;
    this.sayToAll({ screenShareState: shares });
  }

  mute(kind, muted) {
    this.muted[kind] = muted;
    const track = this.track(kind);
    if (track) track.enabled = !muted;
    this.sayToAll(kind === "video" ? { videoMuted: muted } : { muteState: muted });
  }

  preferCodec({ connection }) {
    const { codec, profile } = this.options;
    const wanted = `video/${codec ?? ""}`.toLowerCase();
    const chosen = codecsOf("video").filter(({ mimeType, sdpFmtpLine }) =>
      mimeType.toLowerCase() === wanted && (!profile || (sdpFmtpLine ?? "").includes(`profile-level-id=${profile}`)));
    if (!chosen.length) return;
    const repair = codecsOf("video").filter(({ mimeType }) => mimeType === "video/rtx");
    for (const transceiver of connection.getTransceivers()) {
      if (transceiver.sender.track?.kind === "video") transceiver.setCodecPreferences([...chosen, ...repair]);
    }
  }

  // --- One viewer -------------------------------------------------------------------------

  offerTo(viewer) {
    const old = this.peers.get(viewer);
    const state = old?.connection.connectionState;
    if (state === "connected" || this.hasLeft) return;
    if (old && !["failed", "closed"].includes(state)) {
      setTimeout(() => {
        if (this.peers.get(viewer) === old && old.connection.connectionState !== "connected") {
          this.close(old);
          this.offerTo(viewer);
        }
      }, 3000);
      return;
    }
    if (old) this.close(old);
    const peer = {
      viewer,
      connection: new RTCPeerConnection(),
      session: randomName(10),
      candidates: [],
      seen: new Set(),
      /** Which media the viewer has asked for. */
      requested: null,
      work: Promise.resolve(),
    };
    // Steps are taken one after the other, although each is asynchronous. One that fails is
    // reported and stops none of those behind it.
    peer.enter = (step) => {
      peer.work = peer.work.then(step).catch((error) => this.tell("complaint", { message: `${error}` }));
      return peer.work;
    };
    peer.enqueue = (message) => peer.enter(() => this.handle(peer, message));
    this.peers.set(viewer, peer);
    const { connection } = peer;
    connection.onicecandidate = ({ candidate }) => this.collect(peer, candidate);
    connection.onconnectionstatechange = () => this.stateChanged(peer);
    connection.ondatachannel = ({ channel }) =>
      this.tell("complaint", { message: `a channel ${channel.label} of the viewer's` });
    if (this.options.mediaFirst) this.addTracks(peer, { video: true, audio: true });
    peer.channel = connection.createDataChannel("sendChannel");
    peer.channel.onopen = () => this.greet(peer);
    peer.channel.onmessage = ({ data }) => { if (typeof data === "string") peer.enqueue(JSON.parse(data)); };
    peer.enter(() => this.offer(peer));
  }

  async offer(peer) {
    await peer.connection.setLocalDescription();
    const { type, sdp } = peer.connection.localDescription;
    const onChannel = peer.channel.readyState === "open";
    const sealed = await this.options.secrets.seal("description", { type, sdp });
    this.tellViewer(peer, { streamID: onChannel ? this.options.stream : this.stream, ...sealed });
  }

  restartIce() {
    for (const peer of this.peers.values()) {
      peer.connection.restartIce();
      peer.enter(() => this.offer(peer));
    }
  }

  tellViewer(peer, message) {
    const whole = { UUID: peer.viewer, session: peer.session, ...message };
    if (peer.channel.readyState === "open") peer.channel.send(JSON.stringify(whole));
    else this.say(whole);
  }

  sayToAll(message) {
    for (const { channel } of this.peers.values()) {
      if (channel.readyState === "open") channel.send(JSON.stringify(message));
    }
  }

  collect(peer, candidate) {
    if (!candidate?.candidate) return;
    if (!peer.candidates.length) setTimeout(() => this.flush(peer), 10);
    peer.candidates.push(candidate.toJSON());
  }

  async flush(peer) {
    const candidates = peer.candidates.splice(0);
    this.tellViewer(peer, { type: "local", ...await this.options.secrets.seal("candidates", candidates) });
  }

  greet(peer) {
    const { width, height, frameRate } = this.track("video")?.getSettings() ?? {};
    peer.channel.send(JSON.stringify({ info: {
      label: this.options.label || false, room_init: true, rotate_video: false,
      muted: this.muted.audio, video_muted_init: this.muted.video, screenShareState: this.sharesScreen,
      video_init_width: width, video_init_height: height, video_init_frameRate: frameRate,
    } }));
  }

  stateChanged(peer) {
    const state = peer.connection.connectionState;
    this.tell("state", { viewer: peer.viewer, state });
    if (state === "failed" || state === "closed") this.close(peer);
  }

  close(peer) {
    peer.connection.close();
    if (this.peers.get(peer.viewer) === peer) this.peers.delete(peer.viewer);
    this.tell("closed", { viewer: peer.viewer });
  }

  async handle(peer, message) {
    if (message.mid !== undefined) {
      if (peer.seen.has(message.mid)) return;
      peer.seen.add(message.mid);
    }
    if (message.info?.label) peer.label = `${message.info.label}`.slice(0, 100);
    if (message.description) await this.answered(peer, message);
    else if (message.candidates || message.candidate) await this.addCandidates(peer, message);
    else if (message.ping !== undefined) this.tellViewer(peer, { pong: message.ping });
    else if (message.bye) this.close(peer);
    else if ("bitrate" in message) await this.limit(peer, "video", message.bitrate);
    else if ("audio" in message || "video" in message) await this.addMedia(peer, message);
  }

  async answered(peer, message) {
    if (message.session && message.session !== peer.session) return;
    const description = await this.options.secrets.open(message, "description");
    if (description.type === "answer") await peer.connection.setRemoteDescription(description);
    else this.tell("complaint", { message: `a description of type ${description.type}` });
  }

  async addCandidates(peer, message) {
    if (message.type !== "remote") return this.tell("complaint", { message: "candidates without type remote" });
    const field = message.candidates ? "candidates" : "candidate";
    if (field === "candidate" && message.session && message.session !== peer.session) return;
    for (const candidate of [await this.options.secrets.open(message, field)].flat()) {
      await peer.connection.addIceCandidate(candidate);
    }
  }

  async addMedia(peer, request) {
    if (peer.hasAsked) return this.tell("complaint", { message: "a second media request" });
    peer.hasAsked = true;
    const isOffered = Boolean(peer.requested);
    const wanted = (kind) => Boolean(request[kind] || this.options.eager);
    if (!isOffered) this.addTracks(peer, { video: wanted("video"), audio: wanted("audio") });
    if (request.degrade) await this.degrade(peer, request.degrade);
    if (!isOffered) await this.offer(peer);
    this.tell("media", { viewer: peer.viewer });
  }

  addTracks(peer, requested) {
    peer.requested = requested;
    for (const kind of this.options.audioFirst ? ["audio", "video"] : ["video", "audio"]) {
      const track = this.track(kind);
      if (!track || !requested[kind]) continue;
      const sendEncodings = kind === "video" ? this.options.encodings ?? [] : [];
      if (!sendEncodings.length) peer.connection.addTrack(track, this.media);
      else peer.connection.addTransceiver(track, { direction: "sendonly", streams: [this.media], sendEncodings });
    }
    this.preferCodec(peer);
  }

  /** Stops the transceivers of this kind for good (RFC 8829 section 4.2.1). */
  stopTransceivers(kind) {
    this.changeTransceivers(kind, (transceiver) => transceiver.stop());
  }

  /** Sends by them or not: `sendonly`, `inactive`. */
  directTransceivers(kind, direction) {
    this.changeTransceivers(kind, (transceiver) => { transceiver.direction = direction; });
  }

  changeTransceivers(kind, change) {
    for (const peer of this.peers.values()) {
      const all = peer.connection.getTransceivers();
      all.filter(({ receiver }) => receiver.track.kind === kind).forEach(change);
      peer.enter(() => this.offer(peer));
    }
  }

  /** What the video gives up first when the network or the processor cannot do all. */
  async degrade(peer, degradationPreference) {
    const sender = this.sender(peer, "video");
    await sender?.setParameters({ ...sender.getParameters(), degradationPreference });
  }

  async limit(peer, kind, kilobits) {
    this.tell("limit", { kind, kilobits });
    const sender = this.sender(peer, kind);
    if (!sender) return;
    const parameters = sender.getParameters();
    for (const encoding of parameters.encodings) {
      // Nothing at all, any amount, or as much as is said (protocol 5.4).
      encoding.active = kilobits !== 0;
      if (kilobits > 0) encoding.maxBitrate = kilobits * 1000;
    }
    await sender.setParameters(parameters);
  }
}
