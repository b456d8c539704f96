"""The signed requests to the receiver of a webhook."""

from config.reporting import Notify
from engine.webhooks.receiver import RequestReceiver, UrlReceiver
from engine.webhooks.signature import key_of, verify
from engine.webhooks.signed_posts import SignedPosts
from tests.support.receiver import Receiver
from tests.support.webhooks import SECRET, settings

NOW = 1_790_000_000.0


async def test_a_post_is_signed_and_says_whose_it_is_and_which_attempt() -> None:
    async with Receiver() as receiver:
        posts = SignedPosts(lambda: NOW)
        await posts.close()  # nothing was opened
        to = UrlReceiver(settings(receiver.url))
        answer = await posts.post(to, receiver.url, "e-1", b"{}", attempt=3)
        await posts.close()
        assert (answer.error, answer.status) == (None, 204)
        (one,) = await receiver.got(1)
        assert one.headers["ringback-webhook"] == "crm" and one.headers["ringback-attempt"] == "3"
        assert verify(key_of(SECRET), one.headers, one.body, NOW) == "e-1"
        # Who has no secret gets no signature; closed connections are opened again.
        unsigned = RequestReceiver(Notify(), lambda _job: None)
        await posts.post(unsigned, receiver.url, "e-2", b"{}", attempt=1)
        await posts.close()
        assert "webhook-signature" not in (await receiver.got(2))[1].headers
