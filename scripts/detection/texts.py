"""What people and machines say when they answer, in several languages."""

from typing import Final

# What people say: one word at home; two or three; more at work, or with their name.
ONE_WORD: Final[dict[str, tuple[str, ...]]] = {
    "en-gb": ("Hello?", "Yes?"),
    "en-us": ("Hello?", "Hi."),
    "de": ("Hallo?", "Müller.", "Ja?"),
    "fr": ("Allô ?", "Oui ?"),
    "es": ("¿Diga?", "¿Sí?"),
    "it": ("Pronto?",),
    "ru": ("Алло?", "Да?"),
    "pl": ("Halo?",),
}

SHORT: Final[dict[str, tuple[str, ...]]] = {
    "en-gb": ("Hello, who is it?", "Peter Smith.", "Yes... hello?"),
    "en-us": ("Yeah, hello?", "This is Mike."),
    "de": ("Ja bitte?", "Hier ist Thomas.", "Ja, Schneider?"),
    "fr": ("Oui, bonjour.", "Allô, oui ?"),
    "es": ("Hola, dígame.",),
    "it": ("Sì, pronto?", "Sì, pronto, chi parla?"),
    "ru": ("Да, слушаю.", "Да, слушаю вас."),
    "pl": ("Tak, słucham.",),
}

LONG: Final[dict[str, tuple[str, ...]]] = {
    "en-gb": (
        "Hello, Anna Brown speaking.",
        "Good morning, Brown and Sons, how can I help you?",
    ),
    "en-us": ("Acme plumbing, this is Susan.", "Good afternoon, Miller residence."),
    "de": (
        "Ja, Schneider, guten Tag.",
        "Firma Weber, guten Morgen, Sie sprechen mit Frau Klein.",
    ),
    "fr": ("Martin, bonjour, je vous écoute.",),
    "es": ("Hola, buenas tardes.", "Talleres García, dígame."),
    "it": ("Studio Rossi, buongiorno.",),
    "ru": ("Алло, здравствуйте.",),
    "pl": ("Dzień dobry, Kowalski, słucham.",),
}

VOICEMAIL: Final[dict[str, tuple[str, ...]]] = {
    "en-gb": (
        "Hello, you have reached the voicemail of Anna Brown. I am not here at the moment. "
        "Please leave a message after the tone.",
        "The person you are calling is not available. Please leave a message after the tone.",
        "Hi, this is Peter. Leave me a message and I will call you back.",
        "Thank you for calling Brown and Sons. Our office is closed now. We are open from Monday "
        "to Friday, from nine to five. Please leave your name and your number after the beep, and "
        "we will call you back as soon as we can.",
    ),
    "en-us": (
        "Your call has been forwarded to an automatic voice message system. At the tone, please "
        "record your message.",
        "Hey, you've reached Mike. I can't come to the phone right now, so leave a message.",
    ),
    "de": (
        "Guten Tag, Sie haben den Anschluss von Familie Müller erreicht. Wir sind im Moment nicht "
        "zu Hause. Bitte hinterlassen Sie eine Nachricht nach dem Signalton.",
        "Dies ist die Mailbox von Thomas Schneider. Bitte sprechen Sie nach dem Ton.",
    ),
    "fr": (
        "Bonjour, vous êtes bien sur la messagerie de Claire Martin. Je ne suis pas disponible. "
        "Laissez-moi un message après le bip sonore.",
    ),
    "es": (
        "Hola, ha llamado a Carlos García. En este momento no puedo atenderle. Deje su mensaje "
        "después de la señal.",
    ),
    "it": (
        "Risponde la segreteria telefonica di Studio Rossi. Lasciate un messaggio dopo il segnale.",
    ),
    "ru": ("Здравствуйте. Абонент не может ответить. Оставьте сообщение после сигнала.",),
    "pl": ("Dzień dobry, tu poczta głosowa. Proszę zostawić wiadomość po sygnale.",),
}

MENUS: Final[dict[str, tuple[str, ...]]] = {
    "en-gb": (
        "Welcome to Acme. For sales, press one. For support, press two. For invoices, press three. "
        "For all other questions, please stay on the line.",
        "Thank you for calling the city council. Your call may be recorded. If you call about "
        "council tax, press one. If you call about parking, press two. To hear these options "
        "again, press nine.",
        "Welcome to the bank. Please enter your account number, followed by the hash key. If you "
        "do not know your account number, press star. To speak to somebody, press zero.",
    ),
    "en-us": (
        "Thank you for calling. Please listen carefully, as our menu has changed. For new orders, "
        "press one. For returns, press two. To speak to a representative, press zero.",
    ),
    "de": (
        "Herzlich willkommen bei der Stadtbank. Für Fragen zum Konto drücken Sie die Eins. Für "
        "Kredite drücken Sie die Zwei. Um mit einem Mitarbeiter zu sprechen, drücken Sie die Null.",
    ),
    "fr": (
        "Bienvenue chez Martin. Pour le service client, tapez un. Pour la facturation, tapez deux. "
        "Pour toute autre question, tapez trois.",
    ),
    "es": (
        "Bienvenido a García. Para ventas, pulse uno. Para soporte, pulse dos. Para hablar con un "
        "agente, pulse cero.",
    ),
    "it": (
        "Benvenuti. Per le vendite, premere uno. Per assistenza, premere due. Per parlare con un "
        "operatore, premere zero.",
    ),
}

SCREENING: Final[dict[str, tuple[str, ...]]] = {
    "en-gb": (
        "Hello. Who is calling, please? Say your name and why you are calling.",
        "The person you are calling is using a screening service. Please say your name.",
    ),
    "en-us": (
        "Hi. If you record your name and reason for calling, I'll see if this person is available.",
        "Before I try to connect you, can I ask who is calling?",
    ),
    "de": ("Bevor ich Sie verbinde, sagen Sie mir bitte Ihren Namen und den Grund Ihres Anrufs.",),
    "fr": ("Avant de vous mettre en relation, dites-moi votre nom et la raison de votre appel.",),
    "es": ("Antes de conectarle, dígame por favor su nombre y el motivo de su llamada.",),
}

VARIANTS: Final = ("", "+m1", "+m3", "+m7", "+f1", "+f2", "+f4", "+croak")
"""Variants of a voice of espeak-ng."""
