"use strict";
/* Phones of SIP over WebSockets (RFC 7118) with the sound of WebRTC, with one call at a time each: that
   of an agent, who signs in, and that of a visitor, whose token calls the queue of the site. A call
   outlives its page, its connection and its network: ICE is restarted, or the call is taken over. */
(() => {

const SIP = "SIP/2.0";
const EXPIRES_S = 300;
const AGAIN_MS = 1000;
const GATHER_MS = 2000; // how long addresses are gathered at most
const ENOUGH_MS = 500; // then those that there are will do, once a relay is among them where there is one
const ANSWER_MS = 4000; // of a request within a call; then the connection counts as dead
const SIGN_IN_MS = 8000;
const CALM_MS = 1500; // how long sound may be away before its way is looked for anew
const BEAT_MS = 1000;
const SILENT_MS = 3000; // nothing comes for so long, not even the answers of ICE (every 2.5 s): the way of the sound is lost
const PONG_MS = 1500; // of a connection that is in doubt; then it counts as dead
const CONNECT_MS = 2000; // then anew, each time a second later: attempts of the kernel come further and further apart
const MOST_CONNECT_MS = 6000;
const SLEPT_MS = 8000; // without a beat for so long the machine, or the page, has slept
const CLAIM_MS = 4000; // how long a page that is loaded again waits for the one before it
const HAND_OVER_MS = 1000;

/* One tab of the browser has what is called so, and a copy of the tab does not. Resolves with a function that gives it
   back; null where another tab has it. `isForced` takes it over from that, with what it keeps of these `keys`; `lost()`
   is called in that one then. Where there are no locks (http:), every tab has it. */
function claim(name, keys, { isForced = false, lost }) {
  if (!navigator.locks) return Promise.resolve(() => {});
  const channel = new BroadcastChannel(name);
  const handedOver = isForced && new Promise((resolve) => {
    channel.onmessage = (event) => resolve(event.data);
    setTimeout(resolve, HAND_OVER_MS);
  });
  let isHeld = false;
  return new Promise((resolve) => {
    navigator.locks.request(name, isForced ? { steal: true } : { signal: AbortSignal.timeout(CLAIM_MS) }, async () => {
      for (const [key, value] of Object.entries(await handedOver || {})) {
        if (value === null) sessionStorage.removeItem(key);
        else sessionStorage.setItem(key, value);
      }
      isHeld = true;
      await new Promise((release) => resolve(release));
      isHeld = false;
    }).catch(() => {
      if (!isHeld) return resolve(null);
      channel.postMessage(Object.fromEntries(keys.map((key) => [key, sessionStorage.getItem(key)])));
      return lost();
    }).finally(() => channel.close());
  });
}

function randomHex(bytes) {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((one) => one.toString(16).padStart(2, "0")).join("");
}

async function sha256(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((one) => one.toString(16).padStart(2, "0")).join("");
}

/* A message as { start, fields: [[name, value]], body }. */
function readMessage(text) {
  const [head, ...rest] = text.split("\r\n\r\n");
  const [start, ...lines] = head.split("\r\n");
  const fields = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { start, fields, body: rest.join("\r\n\r\n") };
}

function field(message, name) {
  const found = message.fields.find(([key]) => key === name);
  return found ? found[1] : "";
}

/* Of a stream whose track has just ended `active` is true for a while. */
function isLive(stream) {
  return stream.getTracks().some((track) => track.readyState === "live");
}

function tagOf(value) {
  const found = /;tag=([^;>\s]+)/.exec(value);
  return found ? found[1] : "";
}

function uriOf(value) {
  const found = /<([^>]+)>/.exec(value);
  return found ? found[1] : value.split(";")[0].trim();
}

class Line {
  /* `told` has what the page is told: registered(is), ringing(from), stillRings(), talking(stream), again(), held(is),
     over(). `key` is where the call is kept in the tab, for the page that is loaded next. */
  constructor({ server, user, token, ice, told, key }) {
    Object.assign(this, { server, user, token, told, key, ice: ice || [] });
    this.host = `${randomHex(6)}.invalid`;
    this.contact = `<sip:${randomHex(4)}@${this.host};transport=ws>`;
    this.tag = randomHex(8);
    this.cseq = 0;
    this.waiting = new Map();
    this.tries = 0;
    this.messages = 0;
    this.call = null;
    this.isMuted = false;
    this.stopped = false;
    addEventListener("online", () => this.renew());
    document.addEventListener("resume", () => this.renew()); // a page that was frozen
    this.beaten = Date.now();
    this.beat = setInterval(() => this.beats(), BEAT_MS);
    this.connect();
  }

  async beats() {
    const slept = Date.now() - this.beaten > SLEPT_MS;
    this.beaten = Date.now();
    if (slept) this.renew();
    else if (await this.isSilent() && this.socket.readyState === WebSocket.OPEN) this.renew();
  }

  /* Whether the way of the sound carries nothing any more, which browsers notice 5 to 8 s later. Told once. */
  async isSilent() {
    const call = this.call, peer = call && call.peer;
    if (!peer || call.invite || call.isCalling) return false;
    let came = 0;
    for (const one of (await peer.getStats()).values()) {
      if (one.type === "candidate-pair") came += (one.bytesReceived || 0) + (one.responsesReceived || 0);
    }
    if (came !== call.came) Object.assign(call, { came, cameAt: Date.now(), isFoundSilent: false });
    if (call.isFoundSilent || Date.now() - call.cameAt < SILENT_MS) return false;
    call.isFoundSilent = true;
    return true;
  }

  connect() {
    clearTimeout(this.again);
    const socket = this.socket = new WebSocket(this.server, "sip");
    this.again = setTimeout(() => this.reconnect(), Math.min(MOST_CONNECT_MS, CONNECT_MS + 1000 * this.tries));
    this.tries += 1;
    socket.onopen = () => {
      clearTimeout(this.again);
      this.tries = 0;
      this.opened();
    };
    socket.onmessage = (event) => this.received(event.data);
    socket.onclose = () => {
      if (socket !== this.socket) return;
      clearTimeout(this.again);
      if (this.stopped) return; // it is meant to end
      this.told.registered(false);
      this.again = setTimeout(() => this.connect(), AGAIN_MS);
    };
  }

  /* The connection is taken to be dead, though the browser may not know yet. */
  reconnect() {
    if (this.stopped) return;
    const dead = this.socket;
    dead.onopen = null; // it may open while it is closed
    this.connect();
    dead.close();
  }

  /* The network may be another one: find the way anew, and ask beside whether the connection is still there. */
  renew() {
    if (!this.call || !this.call.peer || this.call.invite) return;
    if (this.socket.readyState !== WebSocket.OPEN) return this.reconnect();
    this.check();
    if (!this.call.isCalling) this.restart();
  }

  /* Whether the connection still carries anything: the keep-alive of RFC 5626, section 3.5.1. Whatever comes will do. */
  check() {
    const { socket, messages } = this;
    socket.send("\r\n\r\n");
    setTimeout(() => { if (socket === this.socket && messages === this.messages) this.reconnect(); }, PONG_MS);
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.again);
    clearInterval(this.beat);
    if (this.call) this.hangUp();
    setTimeout(() => this.socket.close(), 200);
  }

  /* Another tab goes on with the call: nothing is ended. */
  leave() {
    const call = this.call;
    this.stopped = true;
    this.call = null;
    clearTimeout(this.again);
    clearInterval(this.beat);
    if (call && call.peer) call.peer.close();
    if (call && call.microphone) call.microphone.getTracks().forEach((track) => track.stop());
    this.socket.close();
  }

  get domain() { return "sip:ringback.invalid"; }

  get address() { return `<sip:${this.user}@ringback.invalid>`; }

  /* Sends a request and resolves with its final response. */
  send(method, target, { callId, from, to, cseq, branch = `z9hG4bK${randomHex(8)}`, body = "", expires, more = [] }) {
    const number = cseq || (this.cseq += 1);
    if (method === "INVITE" && this.call) Object.assign(this.call, { number, branch });
    const lines = [
      `${method} ${target} ${SIP}`, `Via: SIP/2.0/WSS ${this.host};branch=${branch}`, "Max-Forwards: 70",
      `From: ${from || `${this.address};tag=${this.tag}`}`, `To: ${to}`, `Call-ID: ${callId}`,
      `CSeq: ${number} ${method}`, `Contact: ${this.contact}`, ...more,
    ];
    if (expires !== undefined) lines.push(`Expires: ${expires}`);
    if (body) lines.push("Content-Type: application/sdp");
    lines.push(`Content-Length: ${new TextEncoder().encode(body).length}`, "", body);
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(lines.join("\r\n"));
    if (method === "ACK") return null;
    return new Promise((resolve) => this.waiting.set(`${branch} ${method}`, resolve));
  }

  /* The final response; null where none comes in time: the connection is dead then, unless there is another by now. */
  async within(sent, limitMs = ANSWER_MS) {
    const socket = this.socket;
    const answer = await Promise.race([sent, new Promise((resolve) => setTimeout(() => resolve(null), limitMs))]);
    if (!answer && socket === this.socket) this.reconnect();
    return answer;
  }

  reply(request, status, phrase, body = "", more = []) {
    const kept = request.fields.filter(([name]) => ["via", "from", "call-id", "cseq"].includes(name));
    const to = field(request, "to");
    const lines = [
      `${SIP} ${status} ${phrase}`, ...kept.map(([name, value]) => `${name}: ${value}`),
      `To: ${tagOf(to) ? to : `${to};tag=${this.tag}`}`, `Contact: ${this.contact}`, ...more,
    ];
    if (body) lines.push("Content-Type: application/sdp");
    lines.push(`Content-Length: ${new TextEncoder().encode(body).length}`, "", body);
    this.socket.send(lines.join("\r\n"));
  }

  received(text) {
    this.messages += 1;
    if (typeof text !== "string" || !text.trim()) return;
    const message = { text, ...readMessage(text) };
    if (message.start.startsWith(SIP)) this.answered(message);
    else this.asked(message, message.start.split(" ")[0]);
  }

  answered(response) {
    const branch = (/branch=([^;,\s]+)/.exec(field(response, "via")) || ["", ""])[1];
    const method = field(response, "cseq").split(" ")[1];
    if (Number(response.start.split(" ")[1]) < 200) return;
    const resolve = this.waiting.get(`${branch} ${method}`);
    this.waiting.delete(`${branch} ${method}`);
    if (resolve) resolve(response);
  }

  asked(request, method) {
    const call = this.call;
    const isOfCall = call && call.callId === field(request, "call-id");
    if (method === "INVITE" && isOfCall) this.changed(request);
    else if (method === "INVITE" && call) this.reply(request, 486, "Busy Here");
    else if (method === "INVITE") this.rings(request);
    else if (method === "ACK") return;
    else if (method === "CANCEL" && isOfCall && call.invite) {
      this.reply(request, 200, "OK");
      this.reply(call.invite, 487, "Request Terminated");
      this.over();
    } else if (method === "BYE" && isOfCall) {
      this.reply(request, 200, "OK");
      this.over();
    } else if (method === "OPTIONS" || isOfCall) this.reply(request, 200, "OK");
    else this.reply(request, 481, "Call/Transaction Does Not Exist");
  }

  rings(invite) {
    this.call = {
      callId: field(invite, "call-id"), invite, target: uriOf(field(invite, "contact")),
      local: `${field(invite, "to")};tag=${this.tag}`, remote: field(invite, "from"), isHeld: false,
    };
    this.reply(invite, 180, "Ringing");
    sessionStorage.setItem(`${this.key}-rings`, JSON.stringify({ text: invite.text, tag: this.tag }));
    this.told.ringing(field(invite, "from"));
  }

  async peer(call, microphone) {
    if (!navigator.mediaDevices) throw new Error("the page is not https:");
    const isThere = microphone && isLive(microphone);
    const stream = isThere ? microphone : await navigator.mediaDevices.getUserMedia({ audio: true });
    if (this.call !== call) { // it is over while the microphone was asked for
      if (!isThere) stream.getTracks().forEach((track) => track.stop());
      throw new Error("the call is over");
    }
    const peer = new RTCPeerConnection({ iceServers: this.ice });
    this.use(call, stream);
    stream.getTracks().forEach((track) => peer.addTrack(track, stream));
    peer.ontrack = (event) => this.told.talking(event.streams[0] || new MediaStream([event.track]));
    peer.oniceconnectionstatechange = () => {
      const state = peer.iceConnectionState;
      clearTimeout(call.calm);
      const isLost = () => this.call === call && call.peer === peer && this.renew();
      if (state === "failed") isLost();
      if (state === "disconnected") call.calm = setTimeout(isLost, CALM_MS);
    };
    call.peer = peer;
    return peer;
  }

  use(call, stream) {
    call.microphone = stream;
    this.listen(call);
    stream.getTracks().forEach((track) => track.addEventListener("ended", () => this.speakAgain()));
  }

  /* The microphone hears nothing while it is muted, and while the call is held. */
  listen(call) {
    if (call.microphone) call.microphone.getTracks().forEach((track) => { track.enabled = !this.isMuted && !call.isHeld; });
  }

  /* The microphone is gone: the machine has slept, or a headset was pulled out. Another takes its place, once there is one. */
  async speakAgain() {
    const call = this.call;
    if (!call || !call.peer || isLive(call.microphone)) return;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      if (this.call !== call || isLive(call.microphone)) return stream.getTracks().forEach((track) => track.stop());
      this.use(call, stream);
      const [track] = stream.getAudioTracks();
      call.peer.getSenders().forEach((sender) => sender.replaceTrack(track));
    } catch (error) {
      navigator.mediaDevices.addEventListener("devicechange", () => this.speakAgain(), { once: true });
    }
  }

  /* Our description, once its addresses are known. */
  async described(peer, description) {
    const wantsRelay = this.ice.some(({ urls }) => /^turns?:/.test(urls));
    let isThere = false, isLate = false;
    const gathered = new Promise((resolve) => {
      const done = setTimeout(resolve, GATHER_MS);
      const look = () => {
        if (peer.iceGatheringState !== "complete" && !(isThere && isLate)) return;
        clearTimeout(done);
        resolve();
      };
      setTimeout(() => { isLate = true; look(); }, ENOUGH_MS);
      peer.onicecandidate = ({ candidate }) => {
        isThere = isThere || Boolean(candidate && (!wantsRelay || candidate.type === "relay"));
        look();
      };
      peer.onicegatheringstatechange = look;
    });
    await peer.setLocalDescription(description);
    if (peer.iceGatheringState !== "complete") await gathered;
    return peer.localDescription.sdp;
  }

  /* Whether there is a talk now. Throws where the microphone cannot be had. */
  async answer() {
    const call = this.call;
    if (!call || !call.invite || call.isAnswering) return false;
    call.isAnswering = true;
    const invite = call.invite;
    let sdp;
    try {
      const peer = await this.peer(call);
      await peer.setRemoteDescription({ type: "offer", sdp: invite.body });
      sdp = await this.described(peer, await peer.createAnswer());
    } catch (error) {
      if (this.call !== call) return false;
      this.reply(invite, 480, "Temporarily Unavailable");
      this.over();
      throw error;
    }
    if (this.call !== call) return false;
    this.reply(invite, 200, "OK", sdp);
    call.invite = null;
    this.keep();
    return true;
  }

  /* The other side changes the talk: hold, other codecs. */
  async changed(invite) {
    const peer = this.call.peer;
    if (!peer || !invite.body) return this.reply(invite, 488, "Not Acceptable Here");
    await peer.setRemoteDescription({ type: "offer", sdp: invite.body });
    this.reply(invite, 200, "OK", await this.described(peer, await peer.createAnswer()));
  }

  async hold(isHeld) {
    const call = this.call;
    if (!call || !call.peer || call.invite || call.isCalling) return;
    const before = call.isHeld;
    call.isHeld = isHeld;
    this.note({ isHeld }); // the page may be loaded again before it is agreed on
    const isAgreed = await this.offer(call);
    if (!isAgreed) call.isHeld = before;
    if (this.call !== call) return;
    this.note({ isHeld: call.isHeld });
    this.listen(call);
    if (isAgreed) this.told.held(isHeld);
  }

  /* The way of the sound is lost, or may be another one: ICE is restarted (RFC 8445 section 9). */
  async restart() {
    const call = this.call;
    if (call.isRestarting) return;
    call.isRestarting = true;
    await this.offer(call, { iceRestart: true });
    call.isRestarting = false;
  }

  /* Offers the call anew, one change after the other. Whether that was agreed on. */
  offer(call, options = {}) {
    const change = () => this.call === call && this.offerNow(call, options);
    call.changes = (call.changes || Promise.resolve()).then(change, change);
    return call.changes;
  }

  async offerNow(call, options) {
    const peer = call.peer, { socket } = this;
    peer.getTransceivers().forEach((one) => { one.direction = call.isHeld ? "sendonly" : "sendrecv"; });
    const body = await this.described(peer, await peer.createOffer(options));
    // There is another connection by now, which takes the call over.
    if (this.call !== call || socket !== this.socket) return false;
    const answer = await this.within(this.inDialog("INVITE", body));
    if (!answer || this.call !== call || call.peer !== peer) return false;
    this.acknowledge(answer);
    const isAgreed = answer.start.startsWith(`${SIP} 200`);
    if (isAgreed) await peer.setRemoteDescription({ type: "answer", sdp: answer.body });
    else await peer.setLocalDescription({ type: "rollback" });
    return isAgreed;
  }

  acknowledge(answer) {
    const number = field(answer, "cseq").split(" ")[0];
    const { callId, local, remote, target, branch } = this.call;
    const isUp = answer.start.startsWith(`${SIP} 200`); // the ACK of a refusal has the branch of its INVITE
    this.send("ACK", target, { callId, from: local, to: isUp ? remote : field(answer, "to"), cseq: number, ...(isUp || { branch }) });
  }

  inDialog(method, body = "") {
    const { callId, local, remote, target } = this.call;
    return this.send(method, target, { callId, from: local, to: remote, body });
  }

  mute(isMuted) {
    this.isMuted = isMuted;
    this.note({ isMuted });
    if (this.call) this.listen(this.call);
  }

  press(key) {
    const sender = this.call && this.call.peer && this.call.peer.getSenders().find((one) => one.dtmf);
    if (sender) sender.dtmf.insertDTMF(key, 160, 60);
  }

  hangUp() {
    const call = this.call;
    if (!call) return;
    const { callId, local, remote, target, number, branch } = call;
    if (call.invite) this.reply(call.invite, 603, "Decline");
    else if (call.isCalling) this.send("CANCEL", target, { callId, from: local, to: remote, cseq: number, branch });
    else this.inDialog("BYE");
    this.over();
  }

  over() {
    const call = this.call;
    this.call = null;
    this.isMuted = false;
    sessionStorage.removeItem(this.key);
    sessionStorage.removeItem(`${this.key}-rings`);
    if (call && call.peer) call.peer.close();
    if (call && call.microphone) call.microphone.getTracks().forEach((track) => track.stop());
    this.told.over();
  }

  /* The call outlives the page: the next one takes its place (RFC 3891). */
  keep() {
    const { callId, local, remote, target, isHeld } = this.call;
    const { isMuted } = this;
    sessionStorage.removeItem(`${this.key}-rings`);
    sessionStorage.setItem(this.key, JSON.stringify({ callId, local, remote, target, isHeld, isMuted, ...this.kept }));
  }

  /* Of the call that is kept this is another by now. */
  note(changed) {
    const kept = sessionStorage.getItem(this.key);
    if (kept) sessionStorage.setItem(this.key, JSON.stringify({ ...JSON.parse(kept), ...changed }));
  }

  /* Calls, with what shows that it may. Throws the status line where that is refused. */
  async dial(target, to, { more, microphone, before }) {
    const call = this.call = {
      callId: randomHex(12), local: `${this.address};tag=${this.tag}`, remote: to, target, isCalling: true,
      isHeld: Boolean(before && before.isHeld), // before the microphone is used
    };
    try {
      const peer = await this.peer(call, microphone);
      const body = await this.described(peer, await peer.createOffer());
      const sent = this.send("INVITE", target, { callId: call.callId, to, body, more });
      const answer = await (before ? this.within(sent) : sent);
      if (this.call !== call) return;
      if (!answer) throw new Error("no answer");
      call.isCalling = false;
      call.remote = field(answer, "to");
      call.target = uriOf(field(answer, "contact")) || target;
      this.acknowledge(answer);
      if (!answer.start.startsWith(`${SIP} 200`)) throw new Error(answer.start);
      await peer.setRemoteDescription({ type: "answer", sdp: answer.body });
      this.keep();
    } catch (error) {
      if (call.peer) call.peer.close();
      throw error;
    }
  }

  /* Takes over the call that this page has by a connection that is lost, or that the page before it had. */
  async takeOver() {
    const live = this.call && !this.call.invite ? this.call : null;
    const kept = sessionStorage.getItem(this.key);
    if (!kept || (this.call && !live)) return;
    const before = JSON.parse(kept);
    if (!live) this.isMuted = Boolean(before.isMuted);
    const replaces = `${before.callId};to-tag=${tagOf(before.remote)};from-tag=${tagOf(before.local)}`;
    const to = before.remote.replace(/;tag=[^;>]+/, "");
    const more = [`Replaces: ${replaces}`, "Require: replaces", ...this.proofs];
    try {
      await this.dial(before.target, to, { more, microphone: live && live.microphone, before });
      if (live && live.peer) live.peer.close();
      this.told.again(this.call.remote);
      if (before.isHeld) this.hold(true);
    } catch (error) {
      // Where nothing came back, the next connection tries again; a refusal says that the call is over.
      if (error.message === "no answer" && live) this.call = live;
      else if (error.message === "no answer") this.call = null;
      else this.over();
    }
  }
}

class Phone extends Line {
  constructor(options) {
    super({ key: "ringback-call", ...options });
    this.registerCall = randomHex(12);
    this.proofs = [];
  }

  opened() { this.register(true); }

  /* Whether the connection still carries anything is asked where there is no call to show it. */
  renew() {
    if (this.call || this.stopped) return super.renew();
    if (this.socket.readyState !== WebSocket.OPEN) return this.reconnect();
    this.check();
    this.register();
  }

  /* `isNew`: the connection is, and a call that was on the one before it is taken over. */
  async register(isNew = false) {
    clearTimeout(this.again);
    const about = { callId: this.registerCall, to: this.address, expires: EXPIRES_S };
    let answer = await this.within(this.send("REGISTER", this.domain, about), SIGN_IN_MS);
    if (answer && answer.start.startsWith(`${SIP} 401`)) {
      const challenge = answer.fields.filter(([name]) => name === "www-authenticate").map(([, value]) => value)
        .find((value) => /algorithm=SHA-256/i.test(value));
      if (challenge) {
        const proof = await this.proof(challenge, "REGISTER", this.domain);
        answer = await this.within(this.send("REGISTER", this.domain, { ...about, more: [`Authorization: ${proof}`] }), SIGN_IN_MS);
      }
    }
    if (!answer || this.stopped) return; // the next connection signs in
    const isIn = answer.start.startsWith(`${SIP} 200`);
    this.told.registered(isIn);
    if (isIn) {
      this.again = setTimeout(() => this.register(), EXPIRES_S * 500);
      if (isNew) this.ringAgain();
      if (isNew) this.takeOver();
    }
  }

  /* A call that rang at the connection before this one, or in the page before, rings here, unless it
     was taken back meanwhile. */
  async ringAgain() {
    const call = this.call, kept = sessionStorage.getItem(`${this.key}-rings`);
    if (!kept || (call && !call.invite)) return;
    const does = await this.told.stillRings();
    if (this.call !== call || (call && !call.invite)) return;
    const { text, tag } = JSON.parse(kept);
    if (!does && call) this.over();
    else if (!does) sessionStorage.removeItem(`${this.key}-rings`);
    else if (call) this.reply(call.invite, 180, "Ringing");
    else {
      this.tag = tag;
      this.rings({ text, ...readMessage(text) });
    }
  }

  async proof(challenge, method, uri) {
    const part = (name) => (new RegExp(`${name}="([^"]*)"`).exec(challenge) || ["", ""])[1];
    const realm = part("realm"), nonce = part("nonce"), cnonce = randomHex(8);
    const secret = await sha256(`${this.user}:${realm}:${this.token}`);
    const request = await sha256(`${method}:${uri}`);
    const response = await sha256(`${secret}:${nonce}:00000001:${cnonce}:auth:${request}`);
    return `Digest username="${this.user}",realm="${realm}",nonce="${nonce}",uri="${uri}",response="${response}",`
      + `algorithm=SHA-256,cnonce="${cnonce}",qop=auth,nc=00000001`;
  }

  stop() {
    super.stop();
    this.send("REGISTER", this.domain, { callId: this.registerCall, to: this.address, expires: 0 });
  }
}

/* The phone of a visitor: its token calls the queue of the site, and takes that call over again. */
class Talk extends Line {
  constructor(options) {
    super({ user: "visitor", ...options });
    this.proofs = [`Authorization: Bearer ${this.token}`];
    this.link = options.link; // signed: what is the visitor's own afterwards
    this.kept = { token: this.token, server: this.server, ice: this.ice, link: this.link };
  }

  rings(invite) { this.reply(invite, 486, "Busy Here"); }

  /* Also while the connection is lost, and there is nobody to tell. */
  hangUp() {
    if (this.call) super.hangUp();
    else this.over();
  }

  async opened() {
    if (this.call && this.call.isCalling) return this.over();
    if (this.call || sessionStorage.getItem(this.key)) return this.takeOver();
    if (this.isBegun) return;
    this.isBegun = true;
    try {
      await this.dial(this.domain, `<${this.domain}>`, { more: this.proofs, microphone: this.microphone });
      this.told.answered();
    } catch (error) {
      if (this.call) this.over();
    }
  }

  over() {
    this.stopped = true;
    clearInterval(this.beat);
    super.over();
    setTimeout(() => this.socket.close(), 200);
  }
}

window.RingbackClaim = claim;
window.RingbackPhone = Phone;
window.RingbackTalk = Talk;
})();
