"""Texts as Chinese mail has them: Han of all planes, full-width signs, Latin, emoji and what joins them, odd white space."""

from hypothesis import strategies as st

CHARACTERS = st.one_of(
    st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF),
    st.characters(min_codepoint=0x20, max_codepoint=0x7E),
    st.sampled_from("，。：；！？（）【】《》“”、　·—…"),
    st.sampled_from("𠮷𪚥㐂䶮龘爨𬉼\U0003134a"),
    st.sampled_from("😀👩‍🔬🇨🇳❤️é̂ñßЖﬁ"),
)
LINES = st.text(CHARACTERS, max_size=120)
ANYTHING = st.text(st.characters(exclude_categories=[]), max_size=120)
