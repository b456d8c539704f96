/* The page of the preview. The snippet in it is answered here, by what the preview says: nobody is called, and nothing is kept. */
(() => {
  "use strict";
  const { key, texts, language, state, stage, isOpen, isOwn } = window.parent.ringbackPreview;
  const HOUR_S = 3600, CALL = "preview";
  const now = Math.floor(Date.now() / 1000), tomorrow = (Math.floor(now / HOUR_S) + 20) * HOUR_S;

  // -- nothing is kept, so that each trigger can be tried again and again ---------------------------

  for (const name of ["localStorage", "sessionStorage"]) {
    const kept = new Map();
    Object.defineProperty(window, name, { value: {
      getItem: (item) => (kept.has(item) ? kept.get(item) : null),
      setItem: (item, value) => kept.set(item, String(value)),
      removeItem: (item) => kept.delete(item),
    } });
  }
  const link = new URL(`../v1/callbacks/${CALL}?token=preview`, location.href).href;
  if (stage) localStorage.setItem(`ringback:${key}:calls`, JSON.stringify([{ id: CALL, link, due: Date.now() }]));

  // -- what the gateway would say -------------------------------------------------------------------

  const slots = [0, 1, 2, 3].map((n) => ({ from: tomorrow + n * HOUR_S, to: tomorrow + (n + 1) * HOUR_S }));
  const open = { open: true, agents_free: 1, expected_wait_s: 20, opens_at: null, refusal: null, slots, speak: state === "speak" };
  const closed = { ...open, open: false, agents_free: 0, expected_wait_s: null };
  const STATES = {
    free: open,
    speak: open,
    wait: { ...open, agents_free: 0, expected_wait_s: 600 },
    closed: { ...closed, opens_at: tomorrow, refusal: "closed" },
    hidden: { ...closed, refusal: "closed_now", slots: [] },
    full: { ...closed, refusal: "busy", slots: [] },
  };
  let progress = { id: CALL, stage: "queued", at: stage === "booked" ? tomorrow : null };
  const followers = new Set();
  function reach(next) {
    progress = { ...progress, stage: next };
    for (const one of followers) one.tell();
  }
  // A callback that was asked for here goes its way.
  let walking;
  const walk = ([next, ...rest]) => {
    walking = setTimeout(() => {
      reach(next);
      if (rest.length) walk(rest);
    }, 3000);
  };
  window.EventSource = class extends EventTarget {
    static CLOSED = 2;
    constructor() {
      super();
      followers.add(this);
      setTimeout(() => {
        if (stage && stage !== "booked") progress = { ...progress, stage };
        this.tell();
      });
    }
    tell() { this.dispatchEvent(new MessageEvent("stage", { data: JSON.stringify(progress) })); }
    close() { followers.delete(this); }
  };
  const ask = window.fetch.bind(window);
  window.fetch = async (url, { method = "GET", body } = {}) => {
    const path = new URL(url, location).pathname;
    const says = (answer) => new Response(JSON.stringify(answer));
    if (path.endsWith("/texts")) return says({ ...texts, proof_of_work: false, captcha: false });
    if (path.endsWith("/availability")) {
      if (state === "away") throw new TypeError("away");
      return state === "now" ? ask(url) : says(STATES[state]);
    }
    if (path.endsWith("/callbacks") && method === "POST") {
      const { when = "now" } = JSON.parse(body);
      progress = { id: CALL, stage: "queued", at: when === "now" ? null : when };
      if (!progress.at) walk(["calling_agent", "agent_found", "phone_ringing", "talking", "completed"]);
      return says({ ...progress, link });
    }
    if (path.endsWith("/talks")) return says({ token: "", server: "", ice_servers: [], link });
    if (method === "DELETE" && !path.endsWith("/data")) {
      clearTimeout(walking);
      reach("cancelled");
    }
    return says(progress);
  };
  // Speaking: no microphone is asked for.
  window.RingbackClaim = async () => () => {};
  window.RingbackTalk = class {
    constructor({ told, link: own }) {
      this.told = told;
      this.link = own;
      setTimeout(told.answered, 1000);
    }
    hangUp() { this.told.over(); }
    leave() {}
  };
  if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = async () => new MediaStream();

  // -- the snippet --------------------------------------------------------------------------------

  const script = document.createElement("script");
  script.src = "../ringback.js";
  script.dataset.site = key;
  script.dataset.language = language;
  if (isOwn) {
    document.getElementById("own").hidden = false;
    script.dataset.field = "#own input";
    script.dataset.button = "#own button";
  }
  window.ringback = (...command) => { (window.ringback.q = window.ringback.q || []).push(command); };
  if (isOpen) window.ringback("open");
  document.body.append(script);
})();
