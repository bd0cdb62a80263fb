import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.tokens import MAILED, TOKEN_LENGTH, Purpose, Tokens
from subscribers.errors import InputError

KEY, OTHER_KEY = b"a key of more than 16 octets", b"another key of 16 octets or more"
TOKENS = Tokens(KEY)
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
IDS = st.integers(0, 2**40 - 1)
PURPOSES = st.sampled_from(Purpose)


@given(PURPOSES, IDS)
def test_a_token_gives_back_its_delivery_in_either_case(purpose, delivery_id):
    token = TOKENS.sign(purpose, delivery_id)
    assert TOKENS.verify(purpose, token) == delivery_id
    assert TOKENS.verify(purpose, token.upper()) == delivery_id


@given(PURPOSES, IDS)
def test_a_token_is_32_letters_that_fit_a_path_and_a_local_part(purpose, delivery_id):
    token = TOKENS.sign(purpose, delivery_id)
    assert len(token) == TOKEN_LENGTH == 32
    assert set(token) <= set(ALPHABET)


@given(IDS)
def test_signing_for_each_purpose_of_a_mail_at_once_gives_the_same_tokens(delivery_id):
    assert TOKENS.sign_each(delivery_id) == [TOKENS.sign(purpose, delivery_id) for purpose in MAILED]


@given(PURPOSES, PURPOSES, IDS)
def test_a_token_for_one_purpose_is_refused_for_every_other(signed, asked, delivery_id):
    assert (TOKENS.verify(asked, TOKENS.sign(signed, delivery_id)) is not None) == (signed is asked)


@given(PURPOSES, IDS)
def test_every_truncation_and_extension_is_refused(purpose, delivery_id):
    token = TOKENS.sign(purpose, delivery_id)
    mutilated = [*(token[:end] for end in range(len(token))), *(token[start:] for start in range(1, len(token)))]
    mutilated += [token + letter for letter in (*ALPHABET, "\n", " ", "=", ".gif")]
    assert [TOKENS.verify(purpose, text) for text in mutilated] == [None] * len(mutilated)


def test_every_change_of_one_character_is_refused():
    token = TOKENS.sign(Purpose.UNSUBSCRIBE, 123_456_789)
    changed = [
        token[:place] + letter + token[place + 1 :]
        for place in range(len(token))
        for letter in ALPHABET + "01890_-=+/ \n\u212a\u017fé中"
        if letter != token[place]
    ]
    assert [text for text in changed if TOKENS.verify(Purpose.UNSUBSCRIBE, text) is not None] == []


@given(PURPOSES, IDS, IDS)
def test_the_signature_of_one_delivery_does_not_do_for_another(purpose, one, other):
    mine, yours = TOKENS.sign(purpose, one), TOKENS.sign(purpose, other)
    assert (TOKENS.verify(purpose, yours[:9] + mine[9:]) is not None) == (one == other)


@given(PURPOSES, st.one_of(st.text(), st.text(ALPHABET, min_size=32, max_size=32), st.characters(categories=["Cs"])))
def test_whatever_was_sent_is_refused_and_never_raises(purpose, text):
    assert TOKENS.verify(purpose, text) is None


@given(PURPOSES, IDS)
def test_after_a_change_of_keys_the_links_already_sent_still_work(purpose, delivery_id):
    sent = Tokens(KEY).sign(purpose, delivery_id)
    changed = Tokens(OTHER_KEY, older=[KEY])
    assert changed.verify(purpose, sent) == delivery_id
    assert changed.verify(purpose, changed.sign(purpose, delivery_id)) == delivery_id
    assert changed.sign(purpose, delivery_id) != sent
    assert Tokens(OTHER_KEY).verify(purpose, sent) is None


def test_keys_that_share_their_letter_are_both_read():
    letter = TOKENS.sign(Purpose.OPEN, 0)[0]
    twins = (f"candidate number {number}".encode() for number in range(1000))
    twin = next(key for key in twins if Tokens(key).sign(Purpose.OPEN, 0)[0] == letter)
    both = Tokens(KEY, older=[twin])
    assert both.verify(Purpose.OPEN, Tokens(twin).sign(Purpose.OPEN, 5)) == 5
    assert both.verify(Purpose.OPEN, Tokens(KEY).sign(Purpose.OPEN, 6)) == 6


@pytest.mark.parametrize("delivery_id", [-1, 2**40, 2**63])
def test_an_id_that_does_not_fit_is_never_signed(delivery_id):
    with pytest.raises(ValueError, match=str(delivery_id)):
        TOKENS.sign(Purpose.OPEN, delivery_id)


def test_a_short_key_is_refused_with_a_way_to_make_a_better_one():
    with pytest.raises(InputError, match=r"15 octets.*16.*token_urlsafe"):
        Tokens(b"x" * 15)
