"use strict";
/* The page of an agent: what they are, what they are offered, and their phone (sip.js). */

const $ = (id) => document.getElementById(id);
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const OFFER = "ringback-offer";
const TALKING = ["mute", "hold", "hang-up", "keys", "transfer"];
const NOTE = "ringback-note";
const KEPT = ["ringback-call", "ringback-call-rings", OFFER, NOTE]; // what goes along where another tab takes the phone over
const LANGUAGE = "ringback-language";
const FIELDS = "input, select, textarea";
const MOST_AWAY_MS = 15000;
const GONE_MS = 3000;
const OFFER_MS = 1000; // how long what is known of who calls is waited for

let token = sessionStorage.getItem("ringback-token") || "";
let line = null, phone = null, agent = null, job = null, asked = 0, lost = 0;
let noted = null; // the work whose outcome and note the form has
let words = {}, server = null, isElsewhere = false, isAwaiting = false, isIn = false;
const answers = new Map();
const ring = new window.RingbackRing({
  tone: $("ring-tone"), told: $("rings"), volume: $("ring-volume"), device: $("ring-device"), deviceLabel: $("ring-at"),
  test: $("test-ring"), notify: $("notify"), silent: $("silent"),
}, (name) => say("phone", name));

function fault(text) { $("fault").textContent = text || ""; }

/* -- words ------------------------------------------------------------------------------------ */

/* The text of this name, where there is one: a key that others have chosen may be "constructor". */
function textOf(section, key) {
  const texts = words[section] || {};
  return Object.hasOwn(texts, key) ? texts[key] : undefined;
}

/* Why something does not work: what there is no sentence for is said as the engine says it. */
function problem(code, message) {
  return code === "lost" ? say("phone", "lost") : textOf("problem", code) || message;
}

/* How something ended, in a word. */
function result(word) { return textOf("result", word) || word; }

function say(section, key, reason = "") {
  return (textOf(section, key) ?? key).replace("{reason}", () => reason);
}

/* In the language that the agent has chosen, else that of the browser. Where it cannot be had, the page stays English. */
async function read(language) {
  try {
    const reply = await fetch(`phone/texts${language ? `?language=${encodeURIComponent(language)}` : ""}`);
    words = await reply.json();
  } catch (error) { /* the gateway is away */ }
  if (words.phone) write();
  document.body.classList.remove("unread");
}

function write() {
  Object.assign(document.documentElement, { lang: words.language, dir: words.direction });
  ring.named(`Ringback: ${words.phone.title}`);
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = say("phone", one.dataset.text);
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", say("phone", one.dataset.label));
  $("language").replaceChildren(...Object.entries(words.languages).map(([code, name]) => {
    const option = new Option(name, code, false, code === words.language);
    option.lang = code;
    return option;
  }));
  if ($("reason").options.length) $("reason").options[0].text = say("phone", "reason");
  toldByPhone.registered(isIn);
  job = null; // what is shown of it is written anew
  if (agent) show(agent);
}

function ask(method, params) {
  return new Promise((resolve, reject) => {
    const id = asked += 1;
    answers.set(id, { resolve, reject });
    line.send(JSON.stringify({ id, method, params }));
  });
}

/* Does it, and says beside the buttons why it does not work. */
async function attempt(method, params) {
  try {
    fault();
    return await ask(method, params);
  } catch (error) {
    fault(error.message);
    return null;
  }
}

function signIn() {
  const address = new URL("phone/line", location.href.replace(/^http/, "ws"));
  line = new WebSocket(address);
  line.onopen = () => line.send(JSON.stringify({ token, language: words.language }));
  line.onmessage = (event) => received(JSON.parse(event.data));
  line.onclose = () => {
    for (const { reject } of answers.values()) reject(new Error(say("phone", "lost")));
    answers.clear();
    if (!token) return;
    fault($("fault").textContent || say("phone", "lost"));
    // Less and less often, and not all pages at once.
    setTimeout(signIn, Math.min(MOST_AWAY_MS, 1000 * 2 ** lost) * (0.75 + Math.random() / 2));
    lost += 1;
  };
}

function received(message) {
  if (message.refused) {
    token = "";
    sessionStorage.removeItem("ringback-token");
    fault(message.refused);
    $("sign-in").hidden = false;
  } else if (message.waits) {
    fault(message.waits);
  } else if (message.server) {
    sessionStorage.setItem("ringback-token", token);
    signedIn(message);
  } else if (message.event) {
    told(message.event);
  } else {
    const answer = answers.get(message.id);
    answers.delete(message.id);
    if (!answer) return;
    if (message.error) answer.reject(new Error(problem(message.code, message.error)));
    else answer.resolve(message.result);
  }
}

function signedIn(message) {
  fault();
  lost = 0;
  $("sign-in").hidden = true;
  const reasons = message.pause_reasons || [];
  $("reason").hidden = !reasons.length;
  $("reason").replaceChildren(new Option(say("phone", "reason"), ""), ...reasons.map((text) => new Option(text, text)));
  $("outcomes").replaceChildren(...(message.outcomes || []).map((text) => new Option(text, text)));
  show(message.agent);
  $("name").textContent = agent.agent;
  server = { server: message.server, user: agent.agent, token, ice: message.ice_servers, told: toldByPhone };
  if (!phone && !isElsewhere) start(false);
}

/* One tab has the phone: another may take it over, with the call that is up. */
async function start(isForced) {
  const claimed = await window.RingbackClaim(lockOf(agent), KEPT, { isForced, lost: left });
  if (!claimed) return elsewhere();
  isElsewhere = false;
  if (isForced) { // what the other tab has kept is there at once
    job = noted = null;
    $("outcome").reset();
    show(agent);
    refresh();
  }
  $("elsewhere").hidden = true;
  $("desk").hidden = false;
  if (phone) return;
  phone = new window.RingbackPhone(server);
}

function lockOf({ agent: name }) { return `ringback-phone:${name}`; }

function left() {
  phone.leave();
  phone = noted = null;
  sessionStorage.removeItem(NOTE); // the other tab has it, and saves it
  $("outcome").reset();
  toldByPhone.registered(false);
  talking(false);
  elsewhere();
}

/* Another tab has the phone. It comes back by itself once that one is closed. */
async function elsewhere() {
  isElsewhere = true;
  $("elsewhere").hidden = false;
  $("desk").hidden = true;
  if (isAwaiting) return;
  isAwaiting = true;
  await navigator.locks.request(lockOf(agent), () => {});
  await new Promise((resolve) => setTimeout(resolve, GONE_MS)); // it may be loaded again
  isAwaiting = false;
  if (isElsewhere) start(false);
}

function show(view) {
  agent = view;
  const state = say("state", view.state);
  $("state").textContent = view.reason ? `${state} (${view.reason})` : state;
  document.body.dataset.state = view.state;
  const shown = view.work ? showWork(view.work) : null;
  const isAfter = view.state === "wrap_up" || Boolean(view.outcome_due);
  if (!view.work && !isAfter) {
    $("work").hidden = true;
    job = null;
    sessionStorage.removeItem(OFFER);
  }
  $("outcome").hidden = !(isHalfWritten(workOf(view)) || isAfter || (view.state === "talking" && view.work));
  return shown;
}

function workOf(view) { return view.outcome_due || view.work || job; }

/* Outcome and note are of `id` from now on, but for what is half written: that stays until it is saved, whatever comes, and
   is there when the page is loaded again, or another tab goes on. */
function isHalfWritten(id) {
  const { outcome, note } = $("outcome").elements, kept = JSON.parse(sessionStorage.getItem(NOTE) || "null");
  if (kept && kept.id && !noted) [noted, outcome.value, note.value] = [kept.id, kept.outcome, kept.note];
  const is = Boolean(outcome.value || note.value);
  if (!is) noted = id;
  $("whose").textContent = kept && is && noted !== id ? kept.title : "";
  return is;
}

/* What was told beside the buttons stays: the agent has not pressed one. */
async function refresh() {
  try {
    await show(await ask("agent.get", { agent: agent.agent }));
  } catch (error) { /* the line is lost, and found again */ }
}

/* What a visitor or a service has written is text, and never part of the page. */
function facts(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([name, value]) => {
    const term = document.createElement("dt"), detail = document.createElement("dd");
    term.textContent = say("fact", name);
    detail.textContent = written(value);
    detail.dir = "auto";
    return [term, detail];
  }));
}

function written(value) {
  if (typeof value === "boolean") return say("phone", value ? "yes" : "no");
  if (Array.isArray(value)) return value.map(written).join(", ");
  if (!value || typeof value !== "object") return value === null ? "" : String(value);
  const { text, at, address } = value; // what a visitor has agreed to
  if (typeof text === "string" && typeof at === "number") return [text, moment(at), address].filter(Boolean).join(", ");
  return Object.entries(value).map(([name, one]) => `${name}: ${written(one)}`).join(", ");
}

function moment(at) { return new Date(at * 1000).toLocaleString(words.language); }

/* What is known of a job or call: the offer said it before the phone rang, and the tab has kept it. */
async function showWork(id) {
  if (job === id) return;
  job = id;
  const kept = JSON.parse(sessionStorage.getItem(OFFER) || "null");
  if (kept && kept.id === id) return showOffer(kept);
  for (const [method, params] of [["callback.get", { id }], ["call.get", { call: id }]]) {
    try {
      const found = await ask(method, params);
      if (job === id) showOffer({ id, ...found, number: found.number || found.to });
      return;
    } catch (error) { /* it is the other kind, or over */ }
  }
  showOffer({ id });
}

function showOffer({ number, context, history, script }) {
  const known = context || {};
  $("title").textContent = number || written(known.name || known.caller_name || "") || say("phone", "some_call");
  facts($("facts"), Object.entries(known).filter(([, value]) => written(value)));
  $("script").textContent = script || "";
  $("history").replaceChildren(...(history || []).map((one) => {
    const item = document.createElement("li");
    const at = one.ended_at ? moment(one.ended_at) : "";
    item.textContent = [at, result(one.result || one.state), one.agent, one.outcome, one.note].filter(Boolean).join(", ");
    return item;
  }));
  $("work").hidden = false;
  if (ring.isRinging) rings();
}

/* Says who calls, once that is known. */
function rings() {
  const isKnown = !$("work").hidden && ["reserved", "ringing"].includes(agent.state);
  ring.start(say("phone", "rings", isKnown ? $("title").textContent : say("phone", "some_call")));
}

function told(event) {
  if (event.type === "agent.offered" && event.agent === agent.agent) {
    fault();
    const { number, context, history, script } = event;
    const offer = { id: event.job || event.call, number, context, history, script };
    sessionStorage.setItem(OFFER, JSON.stringify(offer));
    job = offer.id;
    showOffer(offer);
  }
  if (event.type === "callback.cancelled") fault(say("phone", "cancelled"));
  if (event.type === "transfer.failed") fault(say("phone", "transfer_failed", textOf("result", event.result) || event.cause || say("phone", "nobody")));
  if (event.agent === agent.agent || event.type.startsWith("agent.")) refresh();
}

const toldByPhone = {
  registered(is) {
    isIn = is;
    $("line").textContent = say("phone", is ? "line_up" : "line_down");
  },
  /* Who calls is shown before it rings. */
  async ringing() {
    const { call } = phone;
    await Promise.race([refresh(), new Promise((resolve) => setTimeout(resolve, OFFER_MS))]);
    if (!phone || phone.call !== call || !call.invite) return;
    $("answer").hidden = $("hang-up").hidden = false;
    rings();
    // The next space or Enter of who types, or chooses, would answer.
    if (!document.activeElement.matches(FIELDS)) $("answer").focus();
  },
  async stillRings() {
    await refresh();
    return agent.state === "ringing";
  },
  talking(stream) { $("ear").srcObject = stream; },
  again() {
    talking(true);
    pressed("mute", phone.isMuted);
  },
  held(isHeld) { pressed("hold", isHeld); },
  over() {
    talking(false);
    for (const id of ["mute", "hold"]) pressed(id, false);
    if (agent) refresh();
  },
};

function pressed(id, is) { $(id).setAttribute("aria-pressed", String(is)); }

/* How a browser says why there is no microphone (Media Capture and Streams, section 10.2). */
const OF_MICROPHONE = {
  NotAllowedError: "microphone_denied", SecurityError: "microphone_denied",
  NotFoundError: "microphone_missing", OverconstrainedError: "microphone_missing",
  NotReadableError: "microphone_busy", AbortError: "microphone_busy",
};

function noMicrophone(error) {
  fault(say("phone", "microphone", problem(OF_MICROPHONE[error.name], error.message)));
}

function talking(is) {
  ring.stop();
  $("answer").hidden = true;
  for (const id of TALKING) $(id).hidden = !is;
}

$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  token = new FormData(event.target).get("token");
  event.target.reset();
  signIn();
});
$("sign-out").addEventListener("click", async () => {
  await attempt("agent.logout", { agent: agent.agent });
  token = "";
  sessionStorage.clear();
  phone.stop();
  setTimeout(() => location.reload(), 300);
});
$("ready").addEventListener("click", async () => {
  const view = agent.state === "logged_out"
    ? await attempt("agent.login", { agent: agent.agent })
    : await attempt("agent.ready", { agent: agent.agent });
  if (view) show(view);
});
$("pause").addEventListener("click", async () => {
  const reason = $("reason").value;
  const view = await attempt("agent.pause", { agent: agent.agent, ...(reason && { reason }) });
  if (view) show(view);
});
$("answer").addEventListener("click", async () => {
  ring.stop();
  try {
    if (!await phone.answer()) return;
    ring.devices(); // they have names once the microphone is allowed
    talking(true);
    $("call").focus(); // the button that had it is gone
  } catch (error) {
    noMicrophone(error);
  }
});
$("hang-up").addEventListener("click", () => phone.hangUp());
$("mute").addEventListener("click", () => {
  const isMuted = $("mute").getAttribute("aria-pressed") !== "true";
  phone.mute(isMuted);
  pressed("mute", isMuted);
});
$("hold").addEventListener("click", () => phone.hold($("hold").getAttribute("aria-pressed") !== "true"));
$("transfer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const data = new FormData(event.target), isFirst = data.get("first") && data.get("kind") !== "queue";
  const { calls } = await attempt("call.list", {}) || { calls: [] };
  // The customer goes to them; the one whose call it is leaves.
  const own = calls.find((call) => call.legs.some((leg) => leg.role === "agent"));
  if (!own) return calls && fault(say("phone", "no_talk"));
  const mode = isFirst ? "attended" : "blind";
  const asked = await attempt("call.transfer", { call: own.call, [data.get("kind")]: data.get("to").trim(), mode });
  if (asked) event.target.reset();
});
$("outcome").addEventListener("submit", async (event) => {
  event.preventDefault();
  const data = new FormData(event.target), id = noted || workOf(agent);
  const outcome = data.get("outcome"), note = data.get("note");
  const done = await attempt("callback.annotate", { id, ...(outcome && { outcome }), ...(note && { notes: note }) });
  if (done) {
    event.target.reset();
    sessionStorage.removeItem(NOTE);
    noted = null;
    if (agent.outcome_due === id) agent = { ...agent, outcome_due: null };
    refresh();
  }
});
$("outcome").addEventListener("input", ({ currentTarget }) => {
  const { outcome, note } = Object.fromEntries(new FormData(currentTarget)), kept = JSON.parse(sessionStorage.getItem(NOTE) || "null");
  noted = noted || workOf(agent); // nothing has come since the last was saved
  const title = kept && kept.id === noted ? kept.title : $("title").textContent;
  if (outcome || note) sessionStorage.setItem(NOTE, JSON.stringify({ id: noted, title, outcome, note }));
  else sessionStorage.removeItem(NOTE);
});
$("keys").append(...KEYS.map((key) => {
  const button = document.createElement("button");
  button.textContent = key;
  button.addEventListener("click", () => phone.press(key));
  return button;
}));
document.addEventListener("keydown", (event) => {
  if (!$("keys").hidden && KEYS.includes(event.key) && !event.target.matches(FIELDS)) phone.press(event.key);
});
$("test").addEventListener("click", async () => {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    ring.devices();
    const context = new AudioContext(), analyser = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize), until = Date.now() + 5000;
    const look = () => {
      analyser.getFloatTimeDomainData(samples);
      $("level").value = Math.max(...samples.map(Math.abs));
      if (Date.now() < until) return requestAnimationFrame(look);
      stream.getTracks().forEach((track) => track.stop());
      return context.close();
    };
    look();
  } catch (error) {
    noMicrophone(error);
  }
});
$("tone").addEventListener("click", () => {
  const context = new AudioContext(), oscillator = context.createOscillator();
  oscillator.frequency.value = 440;
  oscillator.connect(context.destination);
  oscillator.start();
  oscillator.stop(context.currentTime + 1);
  oscillator.onended = () => context.close();
});
$("take-over").addEventListener("click", () => start(true));
$("language").addEventListener("change", () => {
  localStorage.setItem(LANGUAGE, $("language").value);
  read($("language").value);
});
addEventListener("online", () => { lost = 0; });
$("sign-in").hidden = Boolean(token);
read(localStorage.getItem(LANGUAGE)).then(() => { if (token) signIn(); });
