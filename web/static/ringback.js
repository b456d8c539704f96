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
    if (!reply.ok) {
      const { error } = read;
      if (page && error.opens_at) error.message = fill(page.closed, { opens_at: moment(error.opens_at) }); // by the visitor's clock
      throw Object.assign(new Error(error.message), error);
    }
    return read;
  }

  // -- what is remembered, and only once the visitor has done something -----------------------

  const remembered = (name) => {
    try { return localStorage.getItem(`ringback:${key}:${name}`); } catch { return null; }
  };
  const remember = (name, value) => {
    try { localStorage.setItem(`ringback:${key}:${name}`, value); } catch { /* not allowed */ }
  };
  // This visit: what the browser itself knows of the tab, and what is kept there until it is closed: with a request, or
  // from the first page on where the site wants it so (`visit`).
  const VISIT = `ringback:${key}:visit`;
  const keptVisit = () => {
    try { return JSON.parse(sessionStorage.getItem(VISIT)) || {}; } catch { return {}; }
  };
  const trail = () => {
    try {
      const { index } = navigation.currentEntry;
      return navigation.entries().slice(0, index + 1).filter(({ url }) => url).map(({ url }) => new URL(url));
    } catch { return [new URL(location)]; }
  };
  const campaignOf = ({ searchParams }) => {
    const found = {};
    for (const [name, value] of searchParams)
      if (/^utm_|^(gclid|fbclid|msclkid)$/.test(name)) found[name] = short(value);
    return found;
  };
  function visit() {
    const kept = keptVisit(), urls = trail(), own = campaignOf(urls.at(-1));
    const isEmpty = (campaign) => !Object.keys(campaign || {}).length;
    const first = isEmpty(kept.campaign) ? urls.map(campaignOf).find((one) => !isEmpty(one)) || {} : kept.campaign;
    const here = urls.map(({ pathname }) => short(pathname));
    const pages = kept.pages && kept.pages.length >= here.length ? [...kept.pages, here.at(-1)] : here;
    return {
      pages: pages.filter((one, n) => one !== pages[n - 1]).slice(-20),
      referrer: kept.referrer === undefined ? short(document.referrer) : kept.referrer,
      campaign: isEmpty(own) ? first : own,
      first,
    };
  }
  const keepVisit = () => {
    const { pages, referrer, first } = visit();
    const kept = page.visit === "tab" ? { pages, referrer, campaign: first } : { pages };
    try { sessionStorage.setItem(VISIT, JSON.stringify(kept)); } catch { /* ditto */ }
  };

  // Whether the form was open in this visit. That it opened by itself is kept where the site wants it so.
  const wasOpen = (isNow) => {
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
    const { pages, referrer, campaign } = visit();
    return bounded({
      page: short(location.href.split("#")[0]),
      title: short(document.title),
      referrer,
      campaign,
      pages,
      dismissed: remembered("dismissed") !== null,
      ...given,
    });
  }

  // -- proof of work: SHA-256 (FIPS 180-4) of `challenge:part:number` begins with zero bits -----

  // Without an array or a string besides for each number: phones are slow, and whoever attacks has a loop as fast as it gets.
  const K = new Int32Array(64), H = [];
  for (let n = 2, at = 0; at < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (!prime) continue;
    const bits = (root) => ((root - Math.floor(root)) * 4294967296) | 0;
    if (H.length < 8) H.push(bits(Math.sqrt(n)));
    K[at++] = bits(Math.cbrt(n));
  }
  const W = new Int32Array(64), state = new Int32Array(8);
  function firstWord(text) {
    const length = text.length, last = (length + 8) >> 6;
    const byteAt = (at) => (at < length ? text.charCodeAt(at) : at === length ? 0x80 : 0);
    state.set(H);
    for (let block = 0; block <= last; block++) {
      for (let i = 0, at = block * 64; i < 16; i++, at += 4)
        W[i] = (byteAt(at) << 24) | (byteAt(at + 1) << 16) | (byteAt(at + 2) << 8) | byteAt(at + 3);
      if (block === last) W[15] = length * 8;
      for (let i = 16; i < 64; i++) {
        const x = W[i - 15], y = W[i - 2];
        const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
        const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
        W[i] = W[i - 16] + s0 + W[i - 7] + s1;
      }
      let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
      for (let i = 0; i < 64; i++) {
        const S1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
        const t1 = (h + S1 + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
        const S0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
        const t2 = (S0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
      }
      state[0] += a; state[1] += b; state[2] += c; state[3] += d; state[4] += e; state[5] += f; state[6] += g; state[7] += h;
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
    keepVisit();
    return ask("POST", `${site}/${what}`, body);
  }
  const newKey = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

  // What the visitor has asked for, until some days after its end: the link cancels it in another tab, and another day.
  const KEPT_MS = 7 * 86400000;
  const keptCalls = () => {
    try { return JSON.parse(remembered("calls") || "[]").filter(({ ended }) => !ended || Date.now() - ended < KEPT_MS); } catch { return []; }
  };
  const keepCall = (call, isKept = true) => {
    const others = keptCalls().filter(({ id }) => id !== call.id);
    remember("calls", JSON.stringify((isKept ? [...others, call] : others).slice(-5)));
  };
  const OVER = /completed|cancelled|failed/;

  function follow(accepted, tell) {
    let source, again, times = 0;
    const close = () => { clearTimeout(again); source.onerror = null; source.close(); };
    const listen = () => {
      source = new EventSource(`${base}/v1/callbacks/${accepted.id}/events`);
      source.addEventListener("stage", (event) => {
        const progress = JSON.parse(event.data);
        if (OVER.test(progress.stage)) close();
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

  const heard = (detail) => new CustomEvent("ringback:stage", { bubbles: true, composed: true, detail });
  const plain = (text, onclick, isHidden = true) => element("button", { type: "button", class: "plain", hidden: isHidden, onclick }, text);
  // Times are those of the visitor's clock: it is their phone that rings.
  const written = (options) => { const format = new Intl.DateTimeFormat(page.language, options); return ({ from }) => format.format(from * 1000); };
  const moment = (from) => written({ weekday: "long", day: "numeric", month: "long", hour: "numeric", minute: "2-digit" })({ from });
  // In steps of five: nobody waits to the second, and most languages count few things otherwise.
  const soon = (seconds) => (seconds > 90
    ? fill(page.form.wait_minutes, { minutes: Math.ceil(seconds / 60) })
    : fill(page.form.wait_seconds, { seconds: Math.max(5, Math.round(seconds / 5) * 5) }));

  // -- a callback: what is told of it, and what its visitor may do, in the form or beside a button of the page ---

  // `say` shows a sentence; `rest` has the focus once the button that had it is gone; `told` hears of each stage.
  function calling({ say, rest, told }) {
    const { form, stage } = page;
    const cancel = plain(form.cancel, stop), erase = plain(form.erase, forget);
    const link = element("a", { class: "plain", target: "_blank", rel: "noopener noreferrer", hidden: true });
    const copy = plain(form.copy, async () => {
      try { await navigator.clipboard.writeText(link.href); copy.textContent = form.copied; } catch { say(link.href); }
    });
    const stars = element("div", { class: "row stars", role: "group", "aria-labelledby": "s", hidden: true }, element("p", { id: "s" }, form.rate),
      ...[1, 2, 3, 4, 5].map((value) => element("button", { type: "button", "aria-label": `${value} / 5`, onclick: () => rate(value) }, String(value))));
    let call, source, timer, now;

    function lead(kept, text) {
      link.hidden = false;
      link.href = `${kept.link}&language=${page.language}`;
      link.textContent = text;
    }
    // Until it is carried out: when it will be, how soon that is, or that somebody is looked for.
    function wait() {
      clearTimeout(timer);
      const seconds = (now.at || 0) - Date.now() / 1000, left = Math.max(seconds, ((call.soon || 0) - Date.now()) / 1000);
      if (now.stage !== "queued") say(stage[now.stage]);
      else if (left <= 0) say(stage.queued);
      else {
        say(seconds > 90 ? fill(form.booked, { at: moment(now.at) }) : soon(left));
        // A screen reader is not told each second, and a timer cannot wait for weeks.
        timer = setTimeout(wait, seconds > 90 ? Math.min(seconds - 60, 86400) * 1000 : Math.min(left, 10) * 1000);
      }
    }
    function changed(progress) {
      const isNews = !now || now.stage !== progress.stage || now.at !== progress.at;
      now = progress;
      const isOver = OVER.test(now.stage);
      wait();
      cancel.hidden = isOver || now.stage === "talking";
      stars.hidden = now.stage !== "completed";
      erase.hidden = !isOver;
      copy.hidden = isOver || !navigator.clipboard;
      copy.textContent = form.copy;
      lead(call, isOver ? form.data : form.link);
      if (isOver && !call.ended) keepCall(Object.assign(call, { ended: Date.now() }));
      if (isNews) told({ ...now, link: call.link }, isOver);
    }
    function begin(accepted, place) {
      leave();
      call = { id: accepted.id, link: accepted.link, place, due: accepted.at ? accepted.at * 1000 : Date.now() };
      keepCall(call);
      changed(accepted);
      source = follow(call, changed);
    }
    // A talk from the page, which is over.
    function end(talked, how) {
      call = { id: talked, link: talked };
      changed({ stage: how });
    }
    // How soon somebody is expected to be free.
    function expect(seconds) {
      if (seconds === null || !call || now.stage !== "queued" || now.at > Date.now() / 1000) return;
      call.soon = Date.now() + Math.max(5, seconds) * 1000;
      keepCall(call);
      wait();
    }
    // One that was asked for on another page, in another tab or on another day. Whether it is under way yet.
    async function resume(kept) {
      call = kept;
      try {
        const found = await ask("GET", `${base}/v1/callbacks/${call.id}`);
        if (call !== kept) return true; // another was asked for meanwhile
        // What the gateway knows nothing of any more is shown as queued.
        const isLost = found.stage === "queued" && Date.now() > call.due + page.max_wait_s * 1000 + 3600000;
        if (isLost || OVER.test(found.stage)) keepCall({ ...call, ended: Date.now() });
        else {
          changed(found);
          source = follow(call, changed);
          return true;
        }
      } catch (refusal) {
        if (call !== kept) return true;
        if (refusal.reason === "unknown") keepCall(call, false); // else it is looked for again
      }
      call = undefined;
      return false;
    }
    function leave() {
      if (source) source.close();
      clearTimeout(timer);
      call = source = now = undefined;
      cancel.hidden = erase.hidden = copy.hidden = link.hidden = stars.hidden = true;
    }
    async function stop() {
      try {
        changed(await ask("DELETE", call.link));
        source.close();
      } catch (refusal) { say(refusal.message); }
      rest();
    }
    async function forget() {
      try {
        await ask("DELETE", call.link.replace("?", "/data?"));
        say(form.erased);
        keepCall(call, false);
        link.hidden = erase.hidden = stars.hidden = true;
      } catch (refusal) { say(refusal.message); }
      rest();
    }
    async function rate(value) {
      try {
        await ask("POST", call.link.replace("?", "/rating?"), { rating: value * 2 });
        stars.hidden = true;
        say(form.thanks);
      } catch (refusal) { say(refusal.message); }
      rest();
    }
    return { stars, link, buttons: [cancel, link, copy, erase], begin, end, expect, resume, leave, lead };
  }

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
    small { display: block; font-size: .85em; } small:empty { display: none; }
    .beside { position: static; display: inline-block; background: #fff; border-radius: .6rem; padding: 0 .6rem; margin: .2rem 0; }
    .beside .row { margin: 0; }
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

  // The countries, each with its calling code (ITU-T E.164).
  const CODES = new Map(("AD376 AE971 AF93 AG1 AI1 AL355 AM374 AO244 AR54 AS1 AT43 AU61 AW297 AX358 AZ994 BA387 BB1 BD880 BE32 BF226 BG359 BH973 BI257 " +
    "BJ229 BL590 BM1 BN673 BO591 BQ599 BR55 BS1 BT975 BW267 BY375 BZ501 CA1 CC61 CD243 CF236 CG242 CH41 CI225 CK682 CL56 CM237 CN86 " +
    "CO57 CR506 CU53 CV238 CW599 CX61 CY357 CZ420 DE49 DJ253 DK45 DM1 DO1 DZ213 EC593 EE372 EG20 EH212 ER291 ES34 ET251 FI358 FJ679 " +
    "FK500 FM691 FO298 FR33 GA241 GB44 GD1 GE995 GF594 GG44 GH233 GI350 GL299 GM220 GN224 GP590 GQ240 GR30 GT502 GU1 GW245 GY592 " +
    "HK852 HN504 HR385 HT509 HU36 ID62 IE353 IL972 IM44 IN91 IO246 IQ964 IR98 IS354 IT39 JE44 JM1 JO962 JP81 KE254 KG996 KH855 KI686 " +
    "KM269 KN1 KP850 KR82 KW965 KY1 KZ7 LA856 LB961 LC1 LI423 LK94 LR231 LS266 LT370 LU352 LV371 LY218 MA212 MC377 MD373 ME382 MF590 " +
    "MG261 MH692 MK389 ML223 MM95 MN976 MO853 MP1 MQ596 MR222 MS1 MT356 MU230 MV960 MW265 MX52 MY60 MZ258 NA264 NC687 NE227 NF672 " +
    "NG234 NI505 NL31 NO47 NP977 NR674 NU683 NZ64 OM968 PA507 PE51 PF689 PG675 PH63 PK92 PL48 PM508 PR1 PS970 PT351 PW680 PY595 QA974 " +
    "RE262 RO40 RS381 RU7 RW250 SA966 SB677 SC248 SD249 SE46 SG65 SH290 SI386 SJ47 SK421 SL232 SM378 SN221 SO252 SR597 SS211 ST239 " +
    "SV503 SX1 SY963 SZ268 TC1 TD235 TG228 TH66 TJ992 TK690 TL670 TM993 TN216 TO676 TR90 TT1 TV688 TW886 TZ255 UA380 UG256 US1 UY598 " +
    "UZ998 VA39 VC1 VE58 VG1 VI1 VN84 VU678 WF681 WS685 XK383 YE967 YT262 ZA27 ZM260 ZW263").split(" ").map((one) => [one.slice(0, 2), one.slice(2)]));
  // By calling code, how the digits of its numbers are grouped; where there is more than one way, each with what it is of.
  const GROUPS = {
    1: ">334", 27: ">234", 31: "6>18 1[035]|2[0346]|3[03568]|4[0356]|5[0358]|7>234 >333", 32: "4[5-9]>3222 [2349]>1322 >2222",
    33: ">12222", 34: ">3222", 39: "0[26]>244 >334", 40: "[23]1>234 >333", 41: ">2322", 43: "1>19 >39", 44: "1.?1|[389]>334 2>244 >46",
    45: ">2222", 46: "8>1322 >2322", 47: ">2222", 48: "45|5[0137]|6[069]|7[2389]|88>333 >2322", 49: "15>47 1[67]>38 [34]0|[68]9>28 ..1>38 >48",
    52: "33|5[56]|81>244 >334", 55: "..9.{8}>254 >244", 61: "4>333 1[38]00>433 >144", 65: ">44", 81: "[36]>144 [789]0>244 >234", 82: "10>244 2>144 >234",
    86: "1[3-9]>344 10|2>244 >344", 90: ">3322", 91: ">55", 351: "2[12]>234 >333", 353: "1>134 >234", 370: "5>134 >35", 380: ">234",
    420: ">333", 852: ">44", 966: ">234", 971: "5>234 >134",
  };

  // The visitor's own: that of their language. "en-US" is what browsers say all over the world, and counts in America alone.
  function ownRegion() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
    for (const tag of navigator.languages || []) {
      const [, region] = /-([A-Z]{2})$/.exec(tag) || [];
      if (CODES.has(region) && (tag !== "en-US" || /^America|Honolulu/.test(zone))) return region;
    }
    return page.region;
  }
  function countries() {
    const names = new Intl.DisplayNames([page.language], { type: "region" }), own = ownRegion();
    const sorted = [...CODES].map(([value, code]) => [names.of(value), value, code]).sort((a, b) => a[0].localeCompare(b[0], page.language));
    // Marked as of left to right: else the plus is on the wrong side in Arabic.
    return sorted.map(([name, value, code]) => element("option", { value, selected: value === own }, `${name} (\u200e+${code}\u200e)`));
  }

  // Digits in groups, as they are easier to compare. What has groups, or anything else, stays as the visitor typed it:
  // they know the groups of their country, and an extension is no part of the number.
  function grouped(text, region) {
    const typed = text.trim(), digits = typed.replace(/\D/g, "");
    if (!/^\+?[\d./-]*$/.test(typed) || digits.length < 5 || digits.startsWith("00")) return typed;
    const isWhole = typed.startsWith("+"), codes = [...CODES.values()];
    const code = isWhole ? [1, 2, 3].map((n) => digits.slice(0, n)).find((one) => codes.includes(one)) || "" : CODES.get(region);
    // The zero before the area is no digit of the number, but in Italy.
    const before = isWhole ? code : digits[0] === "0" && code !== "39" ? "0" : "";
    let rest = digits.slice(before.length);
    const begins = isWhole ? `+${before}${code && " "}` : before;
    if (!GROUPS[code]) return begins + rest.replace(/(\d{3,4}?)(?=(\d{3})+$)/g, "$1 ");
    const [, sizes] = GROUPS[code].split(" ").map((one) => one.split(">")).find(([of]) => new RegExp(`^(${of})`).test(rest));
    const groups = [];
    for (const [n, size] of [...sizes].entries()) {
      groups.push(n === sizes.length - 1 ? rest : rest.slice(0, size));
      rest = rest.slice(size);
    }
    return begins + groups.filter(Boolean).join(" ");
  }

  async function draw() {
    const { form } = page;
    const host = element("div", { "data-ringback": key });
    const shadow = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style(page.look));
    shadow.adoptedStyleSheets = [sheet];
    const words = element("span"), wait = element("small");
    const launch = element("button", { type: "button", class: "go", "aria-expanded": "false", onclick: press }, words, wait);
    const number = element("input", { id: "n", type: "tel", autocomplete: "tel", required: true, maxlength: 64, dir: "ltr", "aria-describedby": "e",
      onblur: () => { number.value = grouped(number.value, region.value || page.region); } });
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
    const last = calling({});
    const fields = element("form", { novalidate: true, onsubmit: send }, hours,
      element("label", { for: "r" }, form.country), region,
      element("label", { for: "n" }, form.number), number,
      element("label", { for: "m" }, form.name), name,
      element("div", {}, element("label", { for: "w" }, form.when), when),
      page.consent ? element("div", { class: "agree row" }, agree, agreed) : "",
      element("div", { class: "hidden", "aria-hidden": "true" }, element("label", { for: "x" }, "Website"), trap),
      error,
      element("div", { class: "row" }, submit, speakNow,
        plain(form.close, () => hide(), false),
        plain(form.never, () => { remember("dismissed", Date.now()); hide(); }, false), last.link));
    const told = element("p", { role: "status", "aria-live": "polite" });
    const panel = calling({ say: (text) => { told.textContent = text; placeLaunch(); }, rest: () => box.focus(), told: changed });
    const hangUp = element("button", { type: "button", class: "go", hidden: true, onclick: () => line && line.hangUp() }, form.hang_up);
    const here = element("button", { type: "button", class: "go", hidden: true, onclick: () => onLine(null, true).catch((fault) => { told.textContent = fault.message; }) }, form.take_over);
    const again = plain(form.again, () => { reset(); number.focus(); });
    const [cancel, ...ofCall] = panel.buttons;
    const progress = element("div", { hidden: true }, told, panel.stars,
      element("div", { class: "row" }, cancel, hangUp, here, again, plain(form.close, () => hide(), false), ...ofCall));
    const box = element("section", { class: "box", role: "dialog", "aria-labelledby": "h", hidden: true, tabindex: -1,
      onkeydown: (event) => { if (event.key === "Escape") hide(); } },
      element("h2", { id: "h" }, form.title), fields, progress);
    const root = element("div", { class: "root", lang: page.language, dir: page.direction }, launch, box);
    shadow.append(root);

    let isCalled = false, requestKey, keyIsFor, line, isByItself = false;
    let isAway = false, missed = 0, seen, next;

    async function look() {
      let found;
      try { found = await ask("GET", `${site}/availability`); } catch { /* it is told below */ }
      isAway = !found;
      missed = found ? 0 : missed + 1;
      clearTimeout(next);
      next = setTimeout(lookSeen, found ? 30000 : laterMs(missed - 1));
      seen = found;
      placeLaunch();
      speakNow.hidden = !(found && found.speak && navigator.mediaDevices && window.RTCPeerConnection);
      if (isAway) {
        hours.hidden = false;
        hours.textContent = page.unreachable;
        return;
      }
      if (!isCalled) resume();
      if (!box.hidden) offer(found);
      return found;
    }

    // In the form alone: to write dates loads what costs a page more than everything else that it is asked to do here.
    function offer(found) {
      const chosen = when.value;
      when.replaceChildren(...(found.open ? [element("option", { value: "now" }, form.now)] : []),
        ...days(found.slots));
      if ([...when.options].some(({ value }) => value === chosen)) when.value = chosen;
      when.parentNode.hidden = when.options.length < 2;
      hours.hidden = found.open;
      if (!found.open) hours.textContent = fill(page[found.refusal], { opens_at: moment(found.opens_at) });
    }

    // Who does not see the page learns it once they do.
    function lookSeen() {
      if (document.hidden) document.addEventListener("visibilitychange", lookSeen, { once: true });
      else look();
    }
    const isIdle = () => !isCalled && !line;
    function placeLaunch() {
      const isGone = isAway && isIdle(), now = seen && seen.open && seen.agents_free !== 0;
      launch.hidden = !box.hidden || (isGone && page.look.unreachable === "hide");
      launch.className = now || !isIdle() ? "go" : "later";
      launch.setAttribute("aria-disabled", String(isGone));
      words.textContent = (!isIdle() && told.textContent) || (isAway ? form.unavailable : now ? form.call_now : form.call_later);
      wait.textContent = isIdle() && seen && seen.open && seen.expected_wait_s !== null ? soon(seen.expected_wait_s) : "";
    }
    async function press() {
      if (isAway && isIdle()) await look();
      if (!isAway || !isIdle()) show();
    }

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
      if (seen) offer(seen);
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
      progress.hidden = again.hidden = true;
      panel.leave();
      isCalled = false;
      requestKey = undefined;
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
        begin(await request({
          key: requestKey, number: number.value, name: name.value || null, region: region.value || page.region,
          when: value === "now" ? "now" : Number(value), consent: agree.checked && page.consent, website: trap.value,
        }));
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
    async function begin(accepted) {
      isByItself = false;
      isCalled = true;
      fields.hidden = true;
      progress.hidden = false;
      panel.begin(accepted);
      box.focus();
      const found = await look();
      if (found) panel.expect(found.expected_wait_s);
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
      panel.leave();
      fields.hidden = hangUp.hidden = again.hidden = true;
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
          const { link } = line;
          line = undefined;
          isCalled = true;
          hangUp.hidden = true;
          panel.end(link, isUp ? "completed" : "cancelled");
        },
      }, isForced);
      if (!line) return false;
      isByItself = false;
      panel.leave();
      fields.hidden = again.hidden = true;
      progress.hidden = hangUp.hidden = false;
      told.textContent = form.sending;
      box.focus();
      return true;
    }
    function changed(progress, isOver) {
      again.hidden = !isOver;
      again.textContent = progress.stage === "completed" ? form.another : form.again;
      host.dispatchEvent(heard(progress));
    }
    async function resume() {
      const kept = keptCalls();
      const call = kept.find(({ ended }) => !ended), over = kept.at(-1);
      last.link.hidden = !over;
      if (over) last.lead(over, form.data);
      if (!call || keptTalk()) return;
      isCalled = true;
      isCalled = await panel.resume(call);
      if (!isCalled) return;
      fields.hidden = true;
      progress.hidden = false;
      placeLaunch();
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
    const bound = new WeakMap(), there = new Set();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style(page.look));
    const all = () => [...document.querySelectorAll(script.dataset.button)];
    // As they are now: a page may have put another field in the place of the first.
    const fieldOf = (button) => {
      const fields = document.querySelectorAll(script.dataset.field);
      return fields[Math.min(all().indexOf(button), fields.length - 1)];
    };
    function prepare(button, place) {
      const told = element("span", { role: "status", "aria-live": "polite" });
      const say = (text) => { told.textContent = ` ${text}`; };
      const host = element("span", { "data-ringback-call": key });
      const shadow = host.attachShadow({ mode: "open" });
      shadow.adoptedStyleSheets = [sheet];
      let pressed, pressedFor;
      const panel = calling({ say, rest: () => button.focus(), told: (progress, isOver) => {
        root.hidden = false;
        if (isOver && !button.disabled) pressed = undefined; // the next press is another callback
        button.dispatchEvent(heard(progress));
      } });
      const root = element("div", { class: "root beside", role: "group", "aria-label": page.form.title, lang: page.language, dir: page.direction, hidden: true },
        panel.stars, element("div", { class: "row" }, ...panel.buttons));
      shadow.append(root);
      const appear = () => { if (!told.isConnected || !host.isConnected) button.after(told, host); };
      appear();
      button.addEventListener("click", async (event) => {
        const field = fieldOf(button);
        if (!field) return;
        event.preventDefault();
        appear();
        if (!field.value.trim()) { say(page.invalid_number); field.focus(); return; }
        button.disabled = true;
        say(page.form.sending);
        if (pressedFor !== field.value) pressed = undefined; // another number is another callback
        pressed = pressed || newKey();
        pressedFor = field.value;
        try {
          // Pressing the page's own button, which says so, is the consent.
          panel.begin(await request({ key: pressed, number: field.value, consent: true }), place);
          ask("GET", `${site}/availability`).then((found) => panel.expect(found.expected_wait_s), () => {});
        } catch (refusal) {
          say(refusal.message);
          if (refusal.reason) pressed = undefined;
          field.focus();
        }
        button.disabled = false;
      });
      const resume = async () => {
        const kept = keptCalls().filter((call) => (call.place || 0) === place).pop();
        if (!kept || (!kept.ended && await panel.resume(kept))) return;
        panel.lead(kept, page.form.data);
        root.hidden = false;
      };
      return { resume, leave: panel.leave };
    }
    const bind = () => {
      // One that the page has drawn anew goes on with what was asked for at the one before.
      for (const button of there) if (!button.isConnected) {
        bound.get(button).leave();
        there.delete(button);
      }
      all().forEach((button, place) => {
        if (there.has(button) || !fieldOf(button)) return;
        there.add(button);
        if (!bound.has(button)) bound.set(button, prepare(button, place));
        bound.get(button).resume();
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
    if (page.visit === "tab") {
      keepVisit();
      if (window.navigation) navigation.addEventListener("currententrychange", keepVisit); // a page that changes itself
    }
    if (script.dataset.button && script.dataset.field) integrate(); else draw();
  }
  const idle = window.requestIdleCallback || ((work) => setTimeout(work, 200));
  if (document.body) idle(start); else addEventListener("DOMContentLoaded", () => idle(start));
})();
