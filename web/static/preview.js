/* The preview: what a site may say and look like on one side, a page with the snippet (previewed.js) on the other. */
(() => {
  "use strict";
  const key = new URLSearchParams(location.search).get("site");
  const form = document.getElementById("form"), frame = document.getElementById("page");
  const field = (name) => form.elements.namedItem(name);
  const TEXTS = ["call_now", "call_later", "title"];
  let page; // what the gateway tells pages, in the language shown
  let site; // what the configuration has: texts and consent as they are written there
  let words; // what is said where the site says nothing, in the language shown

  // -- the texts of the site, in every language or in one -------------------------------------------

  const textOf = (name, language) => {
    const own = site.texts[language] || {};
    return own[name] ?? site.texts[name] ?? words[name];
  };
  function setText(name, text) {
    const language = field("language").value, own = site.texts[language];
    if (field("alone").checked || (own && name in own)) {
      site.texts[language] = { ...own, [name]: text };
      if (text === (site.texts[name] ?? words[name])) delete site.texts[language][name];
      if (!Object.keys(site.texts[language]).length) delete site.texts[language];
    } else if (text === words[name]) delete site.texts[name];
    else site.texts[name] = text;
  }
  const consent = () => (typeof site.consent === "string" ? site.consent : site.consent[field("language").value] ?? site.consent[site.language]);
  function setConsent(text) {
    if (typeof site.consent === "string") site.consent = text;
    else site.consent[field("language").value] = text;
  }

  // -- what is to be pasted -------------------------------------------------------------------------

  const quoted = (text) => JSON.stringify(text).replace(/\u007f/g, "\\u007f");
  function toml(value) {
    if (typeof value === "string") return quoted(value);
    if (typeof value !== "object") return String(value);
    const pairs = Object.entries(value).map(([name, one]) => `${name} = ${toml(one)}`);
    return pairs.length ? `{ ${pairs.join(", ")} }` : "{}";
  }
  function line() {
    const attributes = { src: new URL("ringback.js", location.href).href, "data-site": key };
    if (field("always").checked) attributes["data-language"] = field("language").value;
    if (field("own").checked) Object.assign(attributes, { "data-field": field("field").value, "data-button": field("button").value });
    const written = Object.entries(attributes).map(([name, value]) => `${name}="${value.replace(/&/g, "&amp;").replace(/"/g, "&quot;")}"`);
    return `<script async ${written.join(" ")}></` + "script>";
  }

  function show() {
    const look = { colour: field("colour").value, position: field("position").value, unreachable: field("unreachable").value };
    const triggers = { after_s: Number(field("after_s").value), scrolled_percent: Number(field("scrolled_percent").value),
      on_leaving: field("on_leaving").checked, once: field("once").value };
    const language = field("language").value;
    const said = Object.fromEntries(Object.keys(words).map((name) => [name, textOf(name, language)]));
    window.ringbackPreview = {
      key, language, texts: { ...page, form: said, look, triggers, consent: consent() },
      state: field("state").value, stage: field("stage").value, isOpen: field("is_open").checked, isOwn: field("own").checked,
    };
    load();
    document.getElementById("line").textContent = line();
    const after = { ...triggers, after_s: Number.isInteger(triggers.after_s) ? triggers.after_s.toFixed(1) : triggers.after_s };
    const pairs = Object.entries(after).map(([name, value]) => `${name} = ${name === "once" ? quoted(value) : value}`);
    const lines = [`language = ${quoted(field("site_language").value)}`, `look = ${toml(look)}`, `triggers = { ${pairs.join(", ")} }`];
    if (Object.keys(site.texts).length) lines.push(`texts = ${toml(site.texts)}`);
    if (site.consent) lines.push(`consent = ${toml(site.consent)}`);
    document.getElementById("toml").textContent = lines.join("\n");
  }
  // Each time anew: what has opened by itself may do so again.
  let times = 0;
  const load = () => { frame.src = `preview/page?${new URLSearchParams({ site: key, times: ++times })}`; };

  // -- the fields -----------------------------------------------------------------------------------

  async function read(language) {
    const wanted = new URLSearchParams({ site: key, ...(language ? { language } : {}) });
    page = await (await fetch(`v1/sites/${encodeURIComponent(key)}/texts?${wanted}`)).json();
    wanted.set("language", page.language);
    const found = await (await fetch(`preview/settings?${wanted}`)).json();
    words = found.form;
    site = site || { texts: found.texts, consent: found.consent, language: found.language };
    field("language").value = page.language;
    return found;
  }
  function write() {
    for (const name of Object.keys(words)) field(name).value = textOf(name, field("language").value);
    field("consent").value = consent();
  }
  function choices(name, languages) {
    field(name).replaceChildren(...Object.entries(languages).map(([value, words]) => new Option(words, value)));
  }
  async function start() {
    const found = await read("");
    for (const name of ["language", "site_language"]) choices(name, found.languages);
    field("language").value = page.language;
    field("site_language").value = site.language;
    for (const name of Object.keys(words)) {
      if (TEXTS.includes(name)) continue;
      const label = document.createElement("label"), input = document.createElement("input");
      Object.assign(input, { name, maxLength: 500, dir: "auto" });
      label.append(`${name} `, input);
      document.getElementById("texts").append(label);
    }
    write();
    field("colour").value = page.look.colour;
    for (const name of ["position", "unreachable"]) field(name).value = page.look[name];
    field("once").value = page.triggers.once;
    for (const name of ["after_s", "scrolled_percent"]) field(name).value = page.triggers[name];
    field("on_leaving").checked = page.triggers.on_leaving;
    let later;
    form.addEventListener("input", async ({ target: { name, value } }) => {
      if (name in words) setText(name, value);
      if (name === "consent") setConsent(value);
      if (name === "site_language") site.language = value;
      clearTimeout(later);
      if (name === "language") {
        await read(value);
        write();
      }
      later = setTimeout(show, 300);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    document.getElementById("reload").addEventListener("click", load);
    show();
  }
  start();
})();
