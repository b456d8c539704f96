"use strict";
/* A phone of SIP over WebSockets (RFC 7118) with the sound of WebRTC. It has one call at a time. */

const SIP = "SIP/2.0";
const EXPIRES_S = 300;
const AGAIN_MS = 1000;
const GATHER_MS = 2000;

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

function tagOf(value) {
  const found = /;tag=([^;>\s]+)/.exec(value);
  return found ? found[1] : "";
}

function uriOf(value) {
  const found = /<([^>]+)>/.exec(value);
  return found ? found[1] : value.split(";")[0].trim();
}

class Phone {
  /* `told` has what the page is told: registered(is), ringing(from), talking(stream), held(is), over(). */
  constructor({ server, user, token, ice, told }) {
    Object.assign(this, { server, user, token, told, ice: ice || [] });
    this.host = `${randomHex(6)}.invalid`;
    this.contact = `<sip:${randomHex(4)}@${this.host};transport=ws>`;
    this.tag = randomHex(8);
    this.registerCall = randomHex(12);
    this.cseq = 0;
    this.waiting = new Map();
    this.call = null;
    this.stopped = false;
    this.connect();
  }

  connect() {
    this.socket = new WebSocket(this.server, "sip");
    this.socket.onopen = () => this.register();
    this.socket.onmessage = (event) => this.received(event.data);
    this.socket.onclose = () => {
      clearTimeout(this.again);
      this.told.registered(false);
      if (!this.stopped) this.again = setTimeout(() => this.connect(), AGAIN_MS);
    };
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.again);
    if (this.call) this.hangUp();
    this.send("REGISTER", this.domain, { callId: this.registerCall, to: this.address, expires: 0 });
    setTimeout(() => this.socket.close(), 200);
  }

  get domain() { return "sip:ringback.invalid"; }

  get address() { return `<sip:${this.user}@ringback.invalid>`; }

  /* Sends a request and resolves with its final response. */
  send(method, target, { callId, from, to, cseq, body = "", expires, more = [] }) {
    const number = cseq || (this.cseq += 1);
    const branch = `z9hG4bK${randomHex(8)}`;
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

  async register() {
    const about = { callId: this.registerCall, to: this.address, expires: EXPIRES_S };
    let answer = await this.send("REGISTER", this.domain, about);
    if (answer.start.startsWith(`${SIP} 401`)) {
      const challenge = answer.fields.filter(([name]) => name === "www-authenticate").map(([, value]) => value)
        .find((value) => /algorithm=SHA-256/i.test(value));
      if (challenge) {
        const proof = await this.proof(challenge, "REGISTER", this.domain);
        answer = await this.send("REGISTER", this.domain, { ...about, more: [`Authorization: ${proof}`] });
      }
    }
    const isIn = answer.start.startsWith(`${SIP} 200`);
    this.told.registered(isIn);
    if (isIn) {
      this.again = setTimeout(() => this.register(), EXPIRES_S * 500);
      this.takeOver();
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

  received(text) {
    if (typeof text !== "string" || !text.trim()) return;
    const message = readMessage(text);
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
    this.told.ringing(field(invite, "from"));
  }

  async peer() {
    const peer = new RTCPeerConnection({ iceServers: this.ice });
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    stream.getTracks().forEach((track) => peer.addTrack(track, stream));
    peer.ontrack = (event) => this.told.talking(event.streams[0] || new MediaStream([event.track]));
    this.call.peer = peer;
    this.call.microphone = stream;
    return peer;
  }

  /* Our description, once its addresses are known. */
  async described(peer, description) {
    await peer.setLocalDescription(description);
    if (peer.iceGatheringState !== "complete") {
      await new Promise((resolve) => {
        const done = setTimeout(resolve, GATHER_MS);
        peer.onicegatheringstatechange = () => {
          if (peer.iceGatheringState !== "complete") return;
          clearTimeout(done);
          resolve();
        };
      });
    }
    return peer.localDescription.sdp;
  }

  async answer() {
    const call = this.call;
    if (!call || !call.invite) return;
    const invite = call.invite;
    let sdp;
    try {
      const peer = await this.peer();
      await peer.setRemoteDescription({ type: "offer", sdp: invite.body });
      sdp = await this.described(peer, await peer.createAnswer());
    } catch (error) {
      this.reply(invite, 480, "Temporarily Unavailable");
      this.over();
      throw error;
    }
    if (this.call !== call) return;
    this.reply(invite, 200, "OK", sdp);
    call.invite = null;
    this.keep();
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
    if (!call || !call.peer || call.invite) return;
    call.peer.getTransceivers().forEach((one) => { one.direction = isHeld ? "sendonly" : "sendrecv"; });
    const body = await this.described(call.peer, await call.peer.createOffer());
    const answer = await this.inDialog("INVITE", body);
    this.acknowledge(answer);
    if (!answer.start.startsWith(`${SIP} 200`)) return;
    await call.peer.setRemoteDescription({ type: "answer", sdp: answer.body });
    call.isHeld = isHeld;
    this.told.held(isHeld);
  }

  acknowledge(answer) {
    const number = field(answer, "cseq").split(" ")[0];
    const { callId, local, remote, target } = this.call;
    this.send("ACK", target, { callId, from: local, to: remote, cseq: number });
  }

  inDialog(method, body = "") {
    const { callId, local, remote, target } = this.call;
    return this.send(method, target, { callId, from: local, to: remote, body });
  }

  mute(isMuted) {
    if (this.call && this.call.microphone) {
      this.call.microphone.getTracks().forEach((track) => { track.enabled = !isMuted; });
    }
  }

  press(key) {
    const sender = this.call && this.call.peer && this.call.peer.getSenders().find((one) => one.dtmf);
    if (sender) sender.dtmf.insertDTMF(key, 160, 60);
  }

  hangUp() {
    const call = this.call;
    if (!call) return;
    if (call.invite) this.reply(call.invite, 603, "Decline");
    else this.inDialog("BYE");
    this.over();
  }

  over() {
    const call = this.call;
    this.call = null;
    sessionStorage.removeItem("ringback-call");
    if (call && call.peer) call.peer.close();
    if (call && call.microphone) call.microphone.getTracks().forEach((track) => track.stop());
    this.told.over();
  }

  /* The call outlives the page: the next one takes its place (RFC 3891). */
  keep() {
    const { callId, local, remote, target } = this.call;
    sessionStorage.setItem("ringback-call", JSON.stringify({ callId, local, remote, target }));
  }

  async takeOver() {
    const kept = sessionStorage.getItem("ringback-call");
    if (!kept || this.call) return;
    const before = JSON.parse(kept);
    const replaces = `${before.callId};to-tag=${tagOf(before.remote)};from-tag=${tagOf(before.local)}`;
    const to = before.remote.replace(/;tag=[^;>]+/, "");
    this.call = {
      callId: randomHex(12), local: `${this.address};tag=${this.tag}`, remote: to, target: before.target, isHeld: false,
    };
    const call = this.call;
    try {
      const peer = await this.peer();
      const body = await this.described(peer, await peer.createOffer());
      const more = [`Replaces: ${replaces}`, "Require: replaces"];
      const answer = await this.send("INVITE", before.target, { callId: call.callId, to, body, more });
      if (!answer.start.startsWith(`${SIP} 200`)) throw new Error(answer.start);
      call.remote = field(answer, "to");
      call.target = uriOf(field(answer, "contact"));
      this.acknowledge(answer);
      await peer.setRemoteDescription({ type: "answer", sdp: answer.body });
      this.keep();
      this.told.again(call.remote);
    } catch (error) {
      if (this.call === call) this.over();
    }
  }
}

window.RingbackPhone = Phone;
