/* Ringback: a visitor leaves a number, an agent calls. One line on the page:
   <script async src="https://GATEWAY/ringback.js" data-site="KEY"></script>
   Nothing is stored before the visitor uses it. Styles are constructed sheets in a shadow root, so
   that a strict Content-Security-Policy needs script-src and connect-src of the gateway alone. */
(() => {
  "use strict";
  const script = document.currentScript || document.querySelector("script[data-site]");
  if (!script || !script.dataset.site) return;
  // Where the script is, with the path that a proxy has before it.
  const base = new URL(script.dataset.gateway || script.src, location.href).href.replace(/[?#].*$/, "").replace(/\/([^/]*\.js)?$/, "");
  const key = script.dataset.site;
  // A page that has the line twice shows one button.
  const what = [key, script.dataset.field, script.dataset.button].join();
  const loaded = (window.ringback && window.ringback.loaded) || [];
  if (loaded.includes(what)) return;
  const site = `${base}/v1/sites/${encodeURIComponent(key)}`;
  const given = {};
  let page; // texts, look, triggers, consent: see GET …/texts
  let isWanted; // "open" of the page, before there is a form
  let open = () => { isWanted = true; };
  let captcha; // gives the answer to the captcha of the page: ringback("captcha", function)

  // -- the gateway ---------------------------------------------------------------------------

  async function ask(method, url, body) {
    const options = { method, credentials: "omit", referrerPolicy: "no-referrer" };
    if (AbortSignal.timeout) options.signal = AbortSignal.timeout(20000); // one that hangs cannot be reached either
    if (body) {
      options.body = JSON.stringify(body);
      options.headers = { "Content-Type": "application/json" };
    }
    let reply, read;
    try {
      reply = await fetch(url, options);
      read = await reply.json();
    } catch (fault) { throw page ? new Error(page.unreachable) : fault; }
    if (!reply.ok) throw Object.assign(new Error(read.error.message), read.error);
    return read;
  }

  // -- what is remembered, and only once the visitor has done something -----------------------

  const remembered = (name) => {
    try { return localStorage.getItem(`ringback:${key}:${name}`); } catch { return null; }
  };
  const remember = (name, value) => {
    try { localStorage.setItem(`ringback:${key}:${name}`, value); } catch { /* not allowed */ }
  };
  const visited = () => {
    // Of this visit alone; the browser forgets it with the tab.
    try {
      const pages = JSON.parse(sessionStorage.getItem("ringback:pages") || "[]");
      if (pages.at(-1) !== short(location.pathname)) pages.push(short(location.pathname));
      return pages.slice(-20);
    } catch { return [short(location.pathname)]; }
  };
  const keepVisited = () => {
    try { sessionStorage.setItem("ringback:pages", JSON.stringify(visited())); } catch { /* ditto */ }
  };

  // Whether the form was open in this visit. That it opened by itself is kept where the site wants it so.
  const wasOpen = (isNow) => {
    if (script.dataset.preview) return false;
    try {
      if (isNow) sessionStorage.setItem(`ringback:${key}:open`, "1");
      return sessionStorage.getItem(`ringback:${key}:open`) !== null;
    } catch { return false; }
  };

  // What cannot be reached is looked for less and less often, and not by all at once.
  const laterMs = (times) => Math.min(300000, 5000 * 2 ** times) * (0.75 + Math.random() / 2);

  const short = (text) => text.slice(0, 500);
  // A page that gives more than the gateway takes loses the longest of it, and no request.
  function bounded(all) {
    const size = (value) => new Blob([JSON.stringify(value)]).size;
    while (size(all) > 8192)
      delete all[Object.keys(all).reduce((one, other) => (size(all[other]) > size(all[one]) ? other : one))];
    return all;
  }
  function context() {
    const campaign = {};
    for (const [name, value] of new URLSearchParams(location.search))
      if (/^utm_|^(gclid|fbclid|msclkid)$/.test(name)) campaign[name] = short(value);
    return bounded({
      page: short(location.href.split("#")[0]),
      title: short(document.title),
      referrer: short(document.referrer),
      campaign,
      pages: visited(),
      dismissed: remembered("dismissed") !== null,
      ...given,
    });
  }

  // -- proof of work: SHA-256 (FIPS 180-4) of `challenge:part:number` begins with zero bits -----

  const K = [], H = [];
  for (let n = 2; K.length < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (!prime) continue;
    const bits = (root) => ((root - Math.floor(root)) * 4294967296) | 0;
    if (H.length < 8) H.push(bits(Math.sqrt(n)));
    K.push(bits(Math.cbrt(n)));
  }
  const W = new Int32Array(64);
  function firstWord(text) {
    const length = text.length;
    const blocks = ((length + 8) >> 6) + 1;
    const words = new Int32Array(blocks * 16);
    for (let i = 0; i < length; i++) words[i >> 2] |= text.charCodeAt(i) << (24 - (i % 4) * 8);
    words[length >> 2] |= 0x80 << (24 - (length % 4) * 8);
    words[blocks * 16 - 1] = length * 8;
    const state = H.slice();
    for (let block = 0; block < blocks; block++) {
      let [a, b, c, d, e, f, g, h] = state;
      for (let i = 0; i < 64; i++) {
        if (i < 16) W[i] = words[block * 16 + i];
        else {
          const x = W[i - 15], y = W[i - 2];
          const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
          const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
          W[i] = (W[i - 16] + s0 + W[i - 7] + s1) | 0;
        }
        const S1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
        const t1 = (h + S1 + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
        const S0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
        const t2 = (S0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
      }
      [a, b, c, d, e, f, g, h].forEach((value, i) => { state[i] = (state[i] + value) | 0; });
    }
    return state[0] >>> 0;
  }
  const pause = () => new Promise((next) => setTimeout(next));
  async function prove() {
    const { challenge, parts, bits } = await ask("GET", `${site}/challenge`);
    const answers = [];
    let since = performance.now();
    for (let part = 0; part < parts; part++) {
      let number = 0;
      while (firstWord(`${challenge}:${part}:${number}`) >>> (32 - bits)) {
        number++;
        // The page stays alive: never more than some milliseconds in a row.
        if (number % 64 === 0 && performance.now() - since > 8) {
          await pause();
          since = performance.now();
        }
      }
      answers.push(number);
    }
    return { challenge, answers };
  }

  async function request(form, what = "callbacks") {
    const body = { context: context(), language: page.language, ...form };
    if (page.captcha && captcha) body.captcha = await captcha();
    if (page.proof_of_work) body.proof = await prove();
    keepVisited();
    return ask("POST", `${site}/${what}`, body);
  }
  const newKey = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

  // The callback that is under way, for the next pages of this visit: the link cancels it there too.
  const CALL = `ringback:${key}:call`;
  const keepCall = (call) => {
    try { if (call) sessionStorage.setItem(CALL, JSON.stringify(call)); else sessionStorage.removeItem(CALL); } catch { /* not allowed */ }
  };
  const keptCall = () => {
    try { return JSON.parse(sessionStorage.getItem(CALL)); } catch { return null; }
  };

  function follow(accepted, tell) {
    let source, again, times = 0;
    const close = () => { clearTimeout(again); source.onerror = null; source.close(); };
    const listen = () => {
      source = new EventSource(`${base}/v1/callbacks/${accepted.id}/events`);
      source.addEventListener("stage", (event) => {
        const progress = JSON.parse(event.data);
        if (/completed|cancelled|failed/.test(progress.stage)) close();
        tell(progress);
      });
      source.onopen = () => { times = 0; };
      // A lost connection comes back by itself; one that was refused does not.
      source.onerror = () => { if (source.readyState === EventSource.CLOSED) again = setTimeout(listen, laterMs(times++)); };
    };
    listen();
    return { close };
  }

  // -- drawing ---------------------------------------------------------------------------------

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value != null) made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }
  const fill = (text, fields) => text.replace(/\{(\w+)\}/g, (_, name) => fields[name]);

  // -- speaking from the page: its part is loaded when it is wanted, and not before ---------------

  const talkKey = `ringback:${key}:talk`;
  const keptTalk = () => { try { return JSON.parse(sessionStorage.getItem(talkKey)); } catch { return null; } };
  // Where a page has Trusted Types, this address is one; where it wants nonces, the script has that of ours.
  let policy;
  function speaker() {
    if (window.trustedTypes) policy = policy || window.trustedTypes.createPolicy("ringback", { createScriptURL: (url) => url });
    const part = element("script", { nonce: script.nonce || null });
    part.src = policy ? policy.createScriptURL(`${base}/sip.js`) : `${base}/sip.js`;
    return part;
  }
  // One tab has the talk: null where another one has it. `isForced` takes it over from there, as it is there now.
  async function talk(options, told, isForced) {
    try {
      if (!window.RingbackTalk) await new Promise((loaded, failed) => {
        const part = speaker();
        part.onload = loaded;
        part.onerror = failed;
        document.head.append(part);
      });
    } catch { throw new Error(page.form.no_line); } // not found, or not allowed here
    const release = await window.RingbackClaim(talkKey, [talkKey], { isForced, lost: () => told.left() });
    if (!release) return null;
    if (isForced) options = keptTalk();
    if (!options) {
      release();
      throw new Error(page.stage.completed);
    }
    const over = () => { release(); told.over(); };
    const ear = new Audio();
    const talking = (stream) => { ear.srcObject = stream; ear.play().catch(() => {}); };
    return new window.RingbackTalk({ key: talkKey, ...options, told: { talking, held() {}, ...told, over } });
  }

  // Black or white, whichever is read better on the colour (WCAG 2.2, relative luminance).
  function inkOn(colour) {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const c = parseInt(colour.slice(at, at + 2), 16) / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    return (light + 0.05) / 0.05 > 1.05 / (light + 0.05) ? "#000" : "#fff";
  }

  const style = ({ colour, position }) => `
    :host { all: initial !important; }
    * { box-sizing: border-box; font: inherit; }
    .root { font: 1rem/1.4 system-ui, sans-serif; color: #1b1b1b; position: fixed; z-index: 2147483000;
      inset-block-end: 1rem; ${position === "left" ? "left" : "right"}: 1rem; max-width: calc(100vw - 2rem); }
    button { cursor: pointer; border: 2px solid transparent; border-radius: .6rem; padding: .6rem 1rem; min-height: 2.75rem; }
    .go { background: ${colour}; color: ${inkOn(colour)}; }
    .later { background: #4a4a4a; color: #fff; }
    .plain { background: none; color: #1b1b1b; text-decoration: underline; padding: .6rem .1rem; border-radius: .6rem; }
    a.plain { border: 2px solid transparent; min-height: 2.75rem; }
    button:focus-visible, a:focus-visible, input:focus-visible, select:focus-visible { outline: 3px solid #1b1b1b; outline-offset: 2px; box-shadow: 0 0 0 2px #fff; }
    .box { background: #fff; border: 1px solid #767676; border-radius: .8rem; padding: 1rem; width: 21rem; max-width: 100%;
      max-height: calc(100vh - 2rem); overflow: auto; box-shadow: 0 .3rem 1.2rem #0004; }
    h2 { font-weight: 700; font-size: 1.15rem; margin: 0 0 .6rem; }
    label { display: block; margin: .6rem 0 .2rem; }
    input:not([type=checkbox]), select { width: 100%; padding: .5rem; min-height: 2.75rem; border: 1px solid #767676; border-radius: .4rem; background: #fff; color: #1b1b1b; }
    .row { display: flex; flex-wrap: wrap; gap: .5rem 1.2rem; margin-top: .9rem; align-items: center; }
    .agree { flex-wrap: nowrap; align-items: start; gap: .5rem; } .agree label { margin: 0; flex: 1; min-width: 0; overflow-wrap: anywhere; } .agree input { flex: none; width: 1.5rem; height: 1.5rem; margin: 0; }
    .error { color: #b00020; min-height: 1.4em; margin: .5rem 0 0; }
    .hidden { position: absolute; left: -9999px; width: 1px; height: 1px; overflow: hidden; }
    .stars { gap: .5rem; } .stars p { flex: 1 0 100%; margin: 0; }
    .stars button { border-color: #767676; background: #fff; color: #1b1b1b; min-width: 2.75rem; padding: .4rem; }
    [hidden] { display: none !important; }
    @media (prefers-reduced-motion: no-preference) { .box { animation: up .18s ease-out; } @keyframes up { from { opacity: 0; transform: translateY(.5rem); } } }
    @media (forced-colors: active) { button { border-color: ButtonText; } }`;

  const REGIONS = ("AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW BY BZ CA CC CD CF CG CH " +
    "CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR " +
    "GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA " +
    "MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT " +
    "PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG " +
    "US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW").split(" ");

  function countries() {
    const names = new Intl.DisplayNames([page.language], { type: "region" });
    const sorted = REGIONS.map((code) => [names.of(code), code]).sort((a, b) => a[0].localeCompare(b[0], page.language));
    return sorted.map(([name, value]) => element("option", { value, selected: value === page.region }, name));
  }

  // Digits in groups, as they are easier to compare. What has groups, or anything else, stays as the visitor typed it:
  // they know the groups of their country, and an extension is no part of the number.
  function grouped(text) {
    if (!/^\s*\+?[\d./-]*\s*$/.test(text)) return text.trim();
    const plus = text.trim().startsWith("+") ? "+" : "";
    const digits = text.replace(/\D/g, "");
    if (digits.length < 5) return text.trim();
    return plus + digits.replace(/(\d{3,4}?)(?=(\d{3})+$)/g, "$1 ").trim();
  }

  async function draw() {
    const { form, stage } = page;
    const host = element("div", { "data-ringback": key });
    const shadow = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style(page.look));
    shadow.adoptedStyleSheets = [sheet];
    const launch = element("button", { type: "button", class: "go", "aria-expanded": "false", onclick: press }, form.call_now);
    const number = element("input", { id: "n", type: "tel", autocomplete: "tel", required: true, maxlength: 64, dir: "ltr", "aria-describedby": "e",
      onblur: () => { number.value = grouped(number.value); } });
    const name = element("input", { id: "m", type: "text", autocomplete: "name", maxlength: 128 });
    const region = element("select", { id: "r", autocomplete: "country" });
    const when = element("select", { id: "w" });
    const agree = element("input", { id: "a", type: "checkbox", required: true });
    const agreed = element("label", { for: "a", dir: "auto" }, page.consent);
    const hours = element("p", { hidden: true });
    const trap = element("input", { id: "x", type: "text", tabindex: -1, autocomplete: "off" });
    const error = element("p", { id: "e", class: "error", role: "alert" });
    const submit = element("button", { type: "submit", class: "go" }, form.submit);
    const speakNow = element("button", { type: "button", class: "go", hidden: true, onclick: () => speak() }, form.speak);
    const fields = element("form", { novalidate: true, onsubmit: send }, hours,
      element("label", { for: "r" }, form.country), region,
      element("label", { for: "n" }, form.number), number,
      element("label", { for: "m" }, form.name), name,
      element("div", {}, element("label", { for: "w" }, form.when), when),
      page.consent ? element("div", { class: "agree row" }, agree, agreed) : "",
      element("div", { class: "hidden", "aria-hidden": "true" }, element("label", { for: "x" }, "Website"), trap),
      error,
      element("div", { class: "row" }, submit, speakNow,
        element("button", { type: "button", class: "plain", onclick: () => hide() }, form.close),
        element("button", { type: "button", class: "plain", onclick: () => { remember("dismissed", Date.now()); hide(); } }, form.never)));
    const told = element("p", { role: "status", "aria-live": "polite" });
    const cancel = element("button", { type: "button", class: "plain", onclick: stop }, form.cancel);
    const hangUp = element("button", { type: "button", class: "go", hidden: true, onclick: () => line && line.hangUp() }, form.hang_up);
    const data = element("a", { class: "plain", target: "_blank", rel: "noopener", hidden: true }, form.data);
    const erase = element("button", { type: "button", class: "plain", hidden: true, onclick: forget }, form.erase);
    const here = element("button", { type: "button", class: "go", hidden: true, onclick: () => onLine(null, true).catch((fault) => { told.textContent = fault.message; }) }, form.take_over);
    const again = element("button", { type: "button", class: "plain", hidden: true, onclick: () => { reset(); number.focus(); } }, form.again);
    const close = element("button", { type: "button", class: "plain", onclick: () => hide() }, form.close);
    const stars = element("div", { class: "row stars", role: "group", "aria-labelledby": "s", hidden: true }, element("p", { id: "s" }, form.rate),
      ...[1, 2, 3, 4, 5].map((value) => element("button", { type: "button", "aria-label": `${value} / 5`, onclick: () => rate(value) }, String(value))));
    const progress = element("div", { hidden: true }, told, stars, element("div", { class: "row" }, cancel, hangUp, here, again, close, data, erase));
    const box = element("section", { class: "box", role: "dialog", "aria-labelledby": "h", hidden: true, tabindex: -1,
      onkeydown: (event) => { if (event.key === "Escape") hide(); } },
      element("h2", { id: "h" }, form.title), fields, progress);
    const root = element("div", { class: "root", lang: page.language, dir: page.direction }, launch, box);
    shadow.append(root);

    let accepted, source, requestKey, keyIsFor, countdown, line, isByItself = false;
    let isAway = false, missed = 0, next;

    async function look() {
      let found;
      try { found = await ask("GET", `${site}/availability`); } catch { /* it is told below */ }
      isAway = !found;
      missed = found ? 0 : missed + 1;
      clearTimeout(next);
      next = setTimeout(lookSeen, found ? 30000 : laterMs(missed - 1));
      const now = found && found.open && found.agents_free !== 0;
      launch.textContent = isAway ? form.unavailable : now ? form.call_now : form.call_later;
      launch.className = now ? "go" : "later";
      launch.setAttribute("aria-disabled", String(isAway));
      placeLaunch();
      speakNow.hidden = !(found && found.speak && navigator.mediaDevices && window.RTCPeerConnection);
      if (isAway) {
        hours.hidden = false;
        hours.textContent = page.unreachable;
        return;
      }
      if (!accepted) resume();
      const chosen = when.value;
      when.replaceChildren(...(found.open ? [element("option", { value: "now" }, form.now)] : []),
        ...days(found.slots));
      if ([...when.options].some(({ value }) => value === chosen)) when.value = chosen;
      when.parentNode.hidden = when.options.length < 2;
      hours.hidden = found.open || !found.opens_at;
      hours.textContent = fill(page.closed, { opens_at: written({ weekday: "long", day: "numeric", month: "long", hour: "numeric", minute: "2-digit" })({ from: found.opens_at }) });
      return found;
    }

    // Who does not see the page learns it once they do.
    function lookSeen() {
      if (document.hidden) document.addEventListener("visibilitychange", lookSeen, { once: true });
      else look();
    }
    const isIdle = () => !accepted && !line;
    function placeLaunch() {
      launch.hidden = !box.hidden || (isAway && isIdle() && page.look.unreachable === "hide");
    }
    async function press() {
      if (isAway && isIdle()) await look();
      if (!isAway || !isIdle()) show();
    }

    const written = (options) => { const format = new Intl.DateTimeFormat(page.language, options); return ({ from }) => format.format(from * 1000); };
    function days(slots) {
      const day = written({ weekday: "short", day: "numeric", month: "short" });
      const whole = written({ weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
      const groups = new Map();
      for (const slot of slots) {
        if (!groups.has(day(slot))) groups.set(day(slot), element("optgroup", { label: day(slot) }));
        groups.get(day(slot)).append(element("option", { value: slot.from }, whole(slot)));
      }
      return groups.values();
    }

    let isUsed = false; // who has opened the form knows it: no trigger does it again
    function show() {
      isUsed = true;
      if (!isByItself || page.triggers.once === "visit") wasOpen(true);
      if (!region.options.length) region.append(...countries());
      box.hidden = false;
      placeLaunch();
      launch.setAttribute("aria-expanded", "true");
      look();
      // A form that opens by itself takes the focus from nobody who is typing elsewhere.
      if (!isByItself || document.activeElement === document.body) (progress.hidden ? number : box).focus();
    }
    function hide() {
      if (isByItself && !fields.hidden) remember("dismissed", Date.now()); // it was not asked for: that is a refusal
      isByItself = false;
      const hadFocus = shadow.activeElement;
      box.hidden = true;
      placeLaunch();
      launch.setAttribute("aria-expanded", "false");
      if (hadFocus) launch.focus();
    }
    function reset() {
      fields.hidden = false;
      progress.hidden = again.hidden = stars.hidden = data.hidden = erase.hidden = true;
      cancel.hidden = false;
      accepted = source = requestKey = undefined;
      look();
    }
    // Opened by a trigger, or by the page while nobody has pressed anything, it was not asked for.
    // Whether it need not be tried again.
    open = (byItself) => {
      const isAsked = !byItself && (!navigator.userActivation || navigator.userActivation.isActive);
      if (!box.hidden || (!isAsked && remembered("dismissed") !== null) || (byItself && (isUsed || wasOpen()))) return true;
      if (byItself && isAway) return false;
      isByItself = !isAsked;
      show();
      return true;
    };

    async function send(event) {
      event.preventDefault();
      error.textContent = "";
      if (!number.value.trim()) { error.textContent = page.invalid_number; number.setAttribute("aria-invalid", "true"); number.focus(); return; }
      number.removeAttribute("aria-invalid");
      submit.disabled = true;
      submit.textContent = form.sending;
      // The same press is the same callback, however often it is sent; another number or time is another.
      const value = when.value || "now", isFor = [region.value, number.value.replace(/[\s./-]/g, ""), value].join();
      if (!requestKey || keyIsFor !== isFor) requestKey = newKey();
      keyIsFor = isFor;
      try {
        accepted = await request({
          key: requestKey, number: number.value, name: name.value || null, region: region.value || page.region,
          when: value === "now" ? "now" : Number(value), consent: agree.checked && page.consent, website: trap.value,
        });
        begin(accepted, value);
      } catch (refusal) {
        error.textContent = refusal.message;
        if (refusal.reason) requestKey = undefined;
        if (refusal.reason === "consent") await readConsent().catch(() => {});
        if (refusal.field === "number") { number.setAttribute("aria-invalid", "true"); number.focus(); }
      }
      submit.disabled = false;
      submit.textContent = form.submit;
    }

    // The site may have changed its words since the page was loaded: then they are shown, and not agreed to yet.
    async function readConsent() {
      const now = await readTexts();
      if (now.consent === page.consent) return;
      agreed.textContent = page.consent = now.consent;
      agree.checked = false;
    }
    async function begin(request, value) {
      isByItself = false;
      keepCall({ id: request.id, link: request.link });
      fields.hidden = true;
      progress.hidden = false;
      told.textContent = stage.queued;
      box.focus();
      source = follow(request, changed);
      const found = await look();
      if (value === "now" && found && found.expected_wait_s !== null) count(Math.max(5, found.expected_wait_s));
    }
    async function speak() {
      error.textContent = "";
      speakNow.disabled = true;
      let microphone, isHeard;
      try {
        // Without the consent the gateway says so, and nobody is asked for their microphone.
        if (page.consent && !agree.checked) { agree.focus(); await ask("POST", `${site}/talks`, { language: page.language }); }
        try { microphone = await navigator.mediaDevices.getUserMedia({ audio: true }); } catch { number.focus(); throw new Error(form.no_microphone); }
        isHeard = true;
        const { token, server, link, ice_servers: ice } = await request({ name: name.value || null, consent: agree.checked && page.consent, website: trap.value }, "talks");
        if (!await onLine({ token, server, link, ice, microphone })) throw new Error(form.other_tab);
      } catch (refusal) {
        if (isHeard) microphone.getTracks().forEach((track) => track.stop());
        error.textContent = refusal.message;
        if (refusal.reason === "consent") await readConsent().catch(() => {});
      }
      speakNow.disabled = false;
    }
    function elsewhere() {
      fields.hidden = cancel.hidden = hangUp.hidden = again.hidden = data.hidden = erase.hidden = true;
      progress.hidden = here.hidden = false;
      told.textContent = form.other_tab;
    }
    async function onLine(options, isForced) {
      let isUp = !options || !options.microphone; // it goes on
      const up = () => { isUp = true; told.textContent = form.on_line; };
      here.hidden = true;
      again.hidden = !isForced; // where there is nothing to take over any more, the form is
      line = await talk(options, {
        left: () => { line.leave(); line = undefined; elsewhere(); },
        registered: () => { told.textContent = form.sending; }, // the connection is lost, and looked for
        answered: up,
        again: up,
        over: () => {
          accepted = { link: line.link };
          line = undefined;
          hangUp.hidden = true;
          changed({ stage: isUp ? "completed" : "cancelled" });
        },
      }, isForced);
      if (!line) return false;
      isByItself = false;
      fields.hidden = cancel.hidden = again.hidden = data.hidden = erase.hidden = true;
      progress.hidden = hangUp.hidden = false;
      told.textContent = form.sending;
      box.focus();
      return true;
    }
    function count(seconds) {
      const ends = Date.now() + seconds * 1000;
      const say = () => {
        const left = Math.round((ends - Date.now()) / 1000);
        if (left <= 0) { clearInterval(countdown); countdown = undefined; told.textContent = stage.queued; return; }
        // In steps of five: nobody waits to the second, and most languages count few things otherwise.
        told.textContent = left > 90 ? fill(form.wait_minutes, { minutes: Math.ceil(left / 60) }) : fill(form.wait_seconds, { seconds: Math.max(5, Math.round(left / 5) * 5) });
      };
      say();
      countdown = setInterval(say, 10000); // a screen reader is not told each second
    }
    function changed({ stage: at }) {
      if (at !== "queued") { clearInterval(countdown); countdown = undefined; told.textContent = stage[at]; }
      else if (!countdown) told.textContent = stage.queued;
      const over = /completed|cancelled|failed/.test(at);
      cancel.hidden = over || at === "talking";
      stars.hidden = at !== "completed";
      again.hidden = !over;
      again.textContent = at === "completed" ? form.another : form.again;
      data.hidden = erase.hidden = !over;
      data.href = accepted.link.replace("?", "/data?");
      if (over) keepCall();
      if (over) { clearInterval(countdown); countdown = undefined; }
    }
    async function stop() {
      try { changed(await ask("DELETE", accepted.link)); source.close(); } catch (refusal) { told.textContent = refusal.message; }
      box.focus(); // the button that had it is gone
    }
    async function forget() {
      try {
        await ask("DELETE", data.href);
        told.textContent = form.erased;
        data.hidden = erase.hidden = stars.hidden = true;
      } catch (refusal) { told.textContent = refusal.message; }
      box.focus();
    }
    async function resume() {
      const call = keptCall();
      if (!call || keptTalk()) return;
      accepted = call;
      try {
        const found = await ask("GET", `${base}/v1/callbacks/${call.id}`);
        if (/completed|cancelled|failed/.test(found.stage)) throw Object.assign(new Error(), { reason: "over" });
        fields.hidden = true;
        progress.hidden = false;
        changed(found);
        source = follow(call, changed);
      } catch (refusal) {
        accepted = undefined;
        if (/over|unknown/.test(refusal.reason)) keepCall(); // else it is looked for again
      }
    }
    async function rate(value) {
      stars.hidden = true;
      try { await ask("POST", accepted.link.replace("?", "/rating?"), { rating: value * 2 }); } catch { /* no second try */ }
      told.textContent = form.thanks;
      box.focus();
    }

    await look(); // before it is drawn, so that it does not change its size
    document.body.append(host);
    let kept = 20; // a page that takes it away again and again is not fought with
    stays(() => { if (!host.isConnected && kept-- > 0) document.body.append(host); });
    if (keptTalk()) { show(); onLine(keptTalk()).then((is) => is || elsewhere(), () => {}); }
    addEventListener("online", lookSeen);
    if (isWanted) open();
    triggers();
  }

  function triggers() {
    if (remembered("dismissed") !== null) return;
    const { after_s, scrolled_percent, on_leaving } = page.triggers;
    let done = false;
    const once = () => { if (!done) done = open(true); };
    if (after_s) setTimeout(once, after_s * 1000);
    if (scrolled_percent) addEventListener("scroll", () => {
      const whole = document.documentElement.scrollHeight - innerHeight;
      if (whole > 0 && (scrollY / whole) * 100 >= scrolled_percent) once();
    }, { passive: true });
    if (on_leaving) document.addEventListener("mouseout", (event) => { if (!event.relatedTarget && event.clientY <= 0) once(); });
  }

  // -- integrated: the page's own field and button ------------------------------------------------

  function integrate() {
    const bound = new WeakSet();
    // As they are now: a page may have put another field in the place of the first.
    const fieldOf = (button) => {
      const fields = document.querySelectorAll(script.dataset.field);
      return fields[Math.min([...document.querySelectorAll(script.dataset.button)].indexOf(button), fields.length - 1)];
    };
    const bind = () => {
      document.querySelectorAll(script.dataset.button).forEach((button) => {
        if (bound.has(button) || !fieldOf(button)) return;
        bound.add(button);
        const told = element("span", { role: "status", "aria-live": "polite" });
        button.after(told);
        let pressed, pressedFor;
        button.addEventListener("click", async (event) => {
          const field = fieldOf(button);
          if (!field) return;
          event.preventDefault();
          if (!told.isConnected) button.after(told);
          if (!field.value.trim()) { told.textContent = ` ${page.invalid_number}`; field.focus(); return; }
          button.disabled = true;
          told.textContent = ` ${page.form.sending}`;
          if (pressedFor !== field.value) pressed = undefined; // another number is another callback
          pressed = pressed || newKey();
          pressedFor = field.value;
          try {
            // Pressing the page's own button, which says so, is the consent.
            const accepted = await request({ key: pressed, number: field.value, consent: true });
            const key = pressed;
            follow(accepted, ({ stage }) => {
              if (key !== pressed) return; // the number was changed meanwhile
              told.textContent = ` ${page.stage[stage]}`;
              if (/completed|cancelled|failed/.test(stage)) pressed = undefined; // the next press is another callback
            });
          } catch (refusal) {
            told.textContent = ` ${refusal.message}`;
            if (refusal.reason) pressed = undefined;
            field.focus();
          }
          button.disabled = false;
        });
      });
    };
    bind();
    stays(bind);
  }

  // Pages render later, or put another body in the place of the first.
  function stays(put) {
    new MutationObserver(() => { if (document.body) put(); }).observe(document.documentElement, { childList: true, subtree: true });
  }

  // -- commands of the page: ringback("context", {basket: 17.5}), ringback("open") -----------------

  const waiting = (window.ringback && window.ringback.q) || [];
  window.ringback = (command, value) => {
    // A copy of what is plain data: the rest cannot be sent.
    if (command === "context") try { Object.assign(given, JSON.parse(JSON.stringify(value))); } catch (fault) { console.warn("ringback: no context:", fault.message); }
    if (command === "open") open();
    if (command === "captcha") captcha = value;
  };
  window.ringback.loaded = [...loaded, what];
  for (const [command, value] of waiting) window.ringback(command, value);

  const readTexts = () => {
    const wanted = script.dataset.language || "";
    return ask("GET", `${site}/texts${wanted ? `?language=${encodeURIComponent(wanted)}` : ""}`);
  };
  let tries = 0;
  async function start() {
    try { page = await readTexts(); } catch (fault) {
      if (!/unknown|origin/.test(fault.reason)) setTimeout(start, laterMs(tries++));
      return;
    }
    if (script.dataset.preview) {
      const { look = {}, form, triggers } = JSON.parse(script.dataset.preview);
      if (!/^#[0-9a-f]{6}$/i.test(look.colour)) delete look.colour;
      page = { ...page, look: { ...page.look, ...look }, form: { ...page.form, ...form }, triggers: { ...page.triggers, ...triggers } };
    }
    if (script.dataset.button && script.dataset.field) integrate(); else draw();
  }
  const idle = window.requestIdleCallback || ((work) => setTimeout(work, 200));
  if (document.body) idle(start); else addEventListener("DOMContentLoaded", () => idle(start));
})();
