"""What people and machines say when they answer: the phrases by which words tell who it is."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec


class Phrases(msgspec.Struct, frozen=True, array_like=True):
    """Phrases of one language, by who says them. Case and punctuation do not matter."""

    human: tuple[str, ...] = ()
    voicemail: tuple[str, ...] = ()
    ivr: tuple[str, ...] = ()
    screening: tuple[str, ...] = ()

    @property
    def machines(self) -> tuple[str, ...]:
        """Those of machines alone, each once."""
        return tuple(dict.fromkeys((*self.voicemail, *self.ivr, *self.screening)))

    def __iter__(self) -> Iterator[str]:
        """Each phrase once."""
        return iter(dict.fromkeys((*self.machines, *self.human)))


def phrases_of(language: str, by_language: "Mapping[str, Phrases] | None" = None) -> Phrases | None:
    """The phrases of a language ("en-GB"): those of `by_language` first, then those built in.

    None where there are none.
    """
    tag = language.lower()
    base = tag.partition("-")[0]
    given = {name.lower(): phrases for name, phrases in (by_language or {}).items()}
    return given.get(tag) or given.get(base) or BUILT_IN.get(base)


BUILT_IN: Final[Mapping[str, Phrases]] = {
    "en": Phrases(
        human=("how can i help", "how may i help", "who is this", "who's this", "this is he",
               "this is she", "speaking how"),
        voicemail=("leave a message", "leave me a message", "leave your message",
                   "leave your name", "leave us a message", "record your message",
                   "after the tone", "after the beep", "at the tone", "voice message system",
                   "is not available", "are not available", "come to the phone",
                   "reached the voicemail", "reached the mailbox", "call you back",
                   "cannot take your call", "can't take your call", "mailbox is full"),
        ivr=("press one", "press two", "press three", "press four", "press zero", "press star",
             "press the hash key", "press the pound key", "listen carefully", "following options",
             "stay on the line", "main menu", "may be recorded", "your call is important",
             "say or press"),
        screening=("who is calling", "who's calling", "state your name", "say your name",
                   "record your name", "tell me your name", "reason for calling",
                   "reason for your call", "why you are calling", "why you're calling",
                   "call screening", "screening service", "try to connect you"),
    ),
    "de": Phrases(
        human=("was kann ich für sie tun", "wie kann ich ihnen helfen", "wer ist da",
               "am apparat"),
        voicemail=("hinterlassen sie", "eine nachricht", "ihre nachricht", "nach dem signalton",
                   "nach dem ton", "nach dem piepton", "die mailbox", "der anrufbeantworter",
                   "nicht erreichbar", "nicht zu hause", "rufe sie zurück", "rufen sie zurück"),
        ivr=("drücken sie", "wählen sie die", "bleiben sie in der leitung",
             "bitte haben sie etwas geduld", "kann aufgezeichnet werden", "herzlich willkommen"),
        screening=("wer ruft an", "nennen sie ihren namen", "sagen sie ihren namen",
                   "sagen sie mir bitte ihren namen", "ihren namen und den grund",
                   "grund ihres anrufs", "bevor ich sie verbinde"),
    ),
    "fr": Phrases(
        human=("que puis-je faire pour vous", "c'est de la part de qui", "je vous écoute"),
        voicemail=("laissez un message", "laissez-moi un message", "laisser un message",
                   "laissez votre message", "après le bip", "après le signal", "la messagerie",
                   "le répondeur", "pas disponible", "je vous rappellerai"),
        ivr=("tapez un", "tapez deux", "tapez trois", "tapez zéro", "appuyez sur",
             "veuillez patienter", "restez en ligne", "peut être enregistré"),
        screening=("qui appelle", "dites votre nom", "dites-moi votre nom",
                   "votre nom et la raison", "la raison de votre appel", "vous mettre en relation"),
    ),
    "es": Phrases(
        human=("en qué puedo ayudarle", "quién es", "de parte de quién"),
        voicemail=("deje su mensaje", "deje un mensaje", "deja un mensaje", "después de la señal",
                   "después del tono", "buzón de voz", "no puedo atenderle", "no está disponible"),
        ivr=("pulse uno", "pulse dos", "pulse cero", "marque uno", "marque dos", "marque cero",
             "manténgase a la espera", "puede ser grabada"),
        screening=("quién llama", "diga su nombre", "dígame por favor su nombre",
                   "dígame su nombre", "motivo de su llamada", "antes de conectarle"),
    ),
    "it": Phrases(
        human=("come posso aiutarla", "chi parla", "chi è"),
        voicemail=("lasciate un messaggio", "lasci un messaggio", "lascia un messaggio",
                   "dopo il segnale", "segreteria telefonica", "non è disponibile"),
        ivr=("premere uno", "premere due", "premere zero", "prema uno", "prema due",
             "resti in linea", "può essere registrata"),
        screening=("chi sta chiamando", "dica il suo nome", "il motivo della chiamata"),
    ),
    "pl": Phrases(
        human=("w czym mogę pomóc", "kto mówi"),
        voicemail=("zostawić wiadomość", "zostaw wiadomość", "po sygnale", "poczta głosowa"),
        ivr=("naciśnij", "wybierz jeden", "proszę czekać na połączenie"),
        screening=("kto dzwoni", "podaj swoje imię", "powód rozmowy"),
    ),
    "ru": Phrases(
        human=("чем могу помочь", "кто это"),
        voicemail=("оставьте сообщение", "после сигнала", "голосовая почта", "не может ответить",
                   "автоответчик"),
        ivr=("нажмите", "оставайтесь на линии", "ваш звонок очень важен"),
        screening=("кто звонит", "назовите ваше имя", "цель звонка"),
    ),
}  # fmt: skip
"""Those that are listened for where the configuration names none for the language."""
