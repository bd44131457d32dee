from gateway.quality import words
from gateway.quality.fault_terms import Code
from gateway.quality.ismn import Ismn
from gateway.quality.qartod import Word
from gateway.quality.signatures import Signature


def test_everything_that_can_be_said_has_words_in_both_languages() -> None:
    assert set(words.WORDS) == set(Word)
    assert set(words.ISMN) == set(Ismn)
    assert set(words.CODES) == set(Code) - {Code.GOOD}
    assert set(words.SIGNATURES) == set(Signature) - {Signature.NONE}
    tables = (words.WORDS, words.ISMN, words.CODES, words.SIGNATURES, words.TESTS)
    said = [both for table in tables for both in table.values()] + list(words.SOIL)
    assert all(ja and en and ja != en for ja, en in said)
