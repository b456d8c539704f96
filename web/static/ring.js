"use strict";
/* What tells an agent that their phone rings: a tone at the loudspeaker of their choice, the title of the page, a sentence
   that screen readers say, and a notification. */
(() => {

const KEPT = "ringback-ring"; // this browser keeps how loud it rings, and where
const USUAL = { volume: 0.7, device: "" };
const FLASH_MS = 1000;
const TEST_MS = 1500;

class Ring {
  /* `parts` are elements: tone (audio), told (where it is said), volume, device, deviceLabel, test, notify, silent.
     `say(name)` is a text in the language of the page. */
  constructor(parts, say) {
    Object.assign(this, parts, { say, isRinging: false, usual: document.title });
    this.kept = { ...USUAL, ...JSON.parse(localStorage.getItem(KEPT) || "{}") };
    this.volume.value = String(Math.round(this.kept.volume * 100));
    this.tone.volume = this.kept.volume;
    this.volume.addEventListener("input", () => this.keep({ volume: Number(this.volume.value) / 100 }));
    this.device.addEventListener("change", () => this.keep({ device: this.device.value }));
    this.test.addEventListener("click", () => this.tried());
    this.notify.addEventListener("click", async () => {
      await Notification.requestPermission();
      this.offerNotifications();
    });
    this.offerNotifications();
    this.deviceLabel.hidden = !("setSinkId" in HTMLMediaElement.prototype) || !navigator.mediaDevices;
    if (!this.deviceLabel.hidden) {
      navigator.mediaDevices.addEventListener("devicechange", () => this.devices());
      this.device.addEventListener("focus", () => this.devices());
      this.devices();
    }
    if (navigator.userActivation && !navigator.userActivation.hasBeenActive) this.waitForPress();
  }

  keep(changed) {
    Object.assign(this.kept, changed);
    localStorage.setItem(KEPT, JSON.stringify(this.kept));
    this.tone.volume = this.kept.volume;
    this.useDevice();
  }

  /* Browsers play nothing before somebody has pressed something in the page. */
  waitForPress() {
    this.silent.hidden = false;
    const pressed = () => {
      for (const kind of ["pointerup", "keyup"]) removeEventListener(kind, pressed, true);
      this.silent.hidden = true;
      if (this.isRinging) this.play();
    };
    for (const kind of ["pointerup", "keyup"]) addEventListener(kind, pressed, true);
  }

  offerNotifications() {
    this.notify.hidden = !("Notification" in window) || Notification.permission !== "default";
  }

  /* The loudspeakers that the browser names: before the microphone is allowed it names none. */
  async devices() {
    const all = await navigator.mediaDevices.enumerateDevices();
    const named = all.filter(({ kind, deviceId, label }) => kind === "audiooutput" && deviceId && label && deviceId !== "default");
    const usual = new Option(this.say("usual_device"), "");
    usual.dataset.text = "usual_device";
    this.device.replaceChildren(usual, ...named.map(({ deviceId, label }) => new Option(label, deviceId)));
    this.device.value = named.some(({ deviceId }) => deviceId === this.kept.device) ? this.kept.device : "";
    await this.useDevice();
  }

  /* Where the one of their choice is not there, it rings at the usual one. */
  async useDevice() {
    if (this.deviceLabel.hidden) return;
    try {
      await this.tone.setSinkId(this.device.value);
    } catch (error) {
      await this.tone.setSinkId("");
    }
  }

  async play() {
    try {
      await this.tone.play();
    } catch (error) {
      if (error.name === "NotAllowedError") this.waitForPress();
      else if (error.name !== "AbortError") throw error; // it was stopped before it began
    }
  }

  silence() {
    this.tone.pause();
    this.tone.currentTime = 0;
  }

  /* Once, as it is chosen now. */
  async tried() {
    clearTimeout(this.trial);
    this.silence();
    this.trial = setTimeout(() => { if (!this.isRinging) this.silence(); }, TEST_MS);
    await this.play();
  }

  /* It rings, and `text` says who calls; or that is known better by now. */
  start(text) {
    if (this.isRinging && this.text === text) return;
    this.text = this.told.textContent = text;
    if (this.shown) this.show();
    if (this.isRinging) return;
    this.isRinging = true;
    this.flash = setInterval(() => {
      document.title = document.title === this.usual ? `\u260E ${this.text}` : this.usual;
    }, FLASH_MS);
    document.title = `\u260E ${text}`;
    this.play();
    if ("Notification" in window && Notification.permission === "granted" && !document.hasFocus()) this.show();
  }

  show() {
    if (this.shown) this.shown.close();
    try {
      const { lang, dir } = document.documentElement;
      this.shown = new Notification(this.text, { tag: "ringback-call", requireInteraction: true, lang, dir });
      this.shown.onclick = () => window.focus();
    } catch (error) { /* on telephones pages have none of their own */ }
  }

  stop() {
    if (!this.isRinging) return;
    this.isRinging = false;
    clearInterval(this.flash);
    this.silence();
    document.title = this.usual;
    this.told.textContent = "";
    if (this.shown) this.shown.close();
    this.shown = null;
  }

  /* The page has another title from now on. */
  named(title) {
    this.usual = title;
    if (!this.isRinging) document.title = title;
  }
}

window.RingbackRing = Ring;
})();
