"""Text to token ids: the only place where a dialogue becomes ids, for the live lanes and for training alike.

A dialogue is put together from pieces (a header, an instruction, a tag, ...), each tokenised on its own and
concatenated, so that what is trained and what is streamed cannot differ by a merge across a border. Text that a user or
a data set wrote goes through `plain` and can never become an added token, whatever it spells. No torch here, no
positions, no pixels.
"""

import re
from collections.abc import Sequence

from streamo_app import protocol
from streamo_app.protocol import IM_END, IM_START, INSTRUCTION_TOKENS, STATE_TOKENS, State


class Wire:
    """The wire format in the ids of one tokenizer.

    Raises ValueError when a state token, a ChatML token or the image token is not exactly one id of the tokenizer.
    """

    def __init__(
        self,
        tokenizer,
        system_prompt: str = protocol.SYSTEM_PROMPT,
        *,
        image_token: str,
        vision_start: str = "",
        vision_end: str = "",
    ):
        self.tokenizer = tokenizer
        silence, standby, response = (self._single(token) for token in STATE_TOKENS)
        self.state_ids = (silence, standby, response)
        self.im_end: int = self._single(IM_END)
        self.image_id: int = self._single(image_token)
        added = {int(i): str(token) for i, token in tokenizer.added_tokens_decoder.items()}
        self._added = {*added, *tokenizer.all_special_ids, *self.state_ids, self.im_end, self.image_id}
        self.banned_ids: list[int] = sorted(self._added - {self.im_end})
        """What may not be decoded: every added token except the one that closes a reply."""
        names = sorted({*added.values(), *STATE_TOKENS, IM_END, image_token}, key=len, reverse=True)
        self._names = re.compile("|".join(re.escape(name) for name in names if name))

        self._newline = self._encode("\n")
        self._user_header = [self._single(IM_START), *self._encode("user\n")]
        self._assistant_header = [self._single(IM_START), *self._encode("assistant\n")]
        self._close = [self.im_end, *self._newline]
        self._vision_start = self._encode(vision_start)
        self._vision_end = self._encode(vision_end)
        # The prompt is the checkpoint's own and names the states as the tokens they are; it is trusted, except that it
        # cannot hold an image.
        self._system = [self._single(IM_START), *self._encode(f"system\n{system_prompt}"), *self._close]
        if self.image_id in self._system:
            raise ValueError(f"The system prompt holds the image token {image_token!r}; take it out of streamo.json.")

    def plain(self, text: str) -> list[int]:
        """Ids of `text` as ordinary text: no id of an added token can come out, whatever `text` spells."""
        return [i for part in self._parts(text) for i in self._harmless(part)]

    def instruction(self, text: str) -> list[int]:
        """An instruction as it stands in its turn: plain, at most INSTRUCTION_TOKENS, its newline included or added
        after the cut.

        The newline is tokenised together with the text (a tokenizer may hold ".\\n" as one id, as Qwen's does).
        """
        line = self.plain(f"{text}\n")
        return (
            line
            if len(line) <= INSTRUCTION_TOKENS
            else self.plain(text)[: INSTRUCTION_TOKENS - len(self._newline)] + self._newline
        )

    def system(self) -> list[int]:
        """`<|im_start|>system\\n ... <|im_end|>\\n`"""
        return list(self._system)

    def user_header(self) -> list[int]:
        """`<|im_start|>user\\n`, without which an evicted turn's instructions cannot stand."""
        return list(self._user_header)

    def user_turn(self, turn: int, image_tokens: Sequence[int], instructions: Sequence[str] = ()) -> list[int]:
        """Everything the model reads of turn `turn` before it decides, the assistant header included.

        image_tokens: number of visual tokens of each image of the turn.
        """
        ids = list(self._user_header)
        for text in instructions:
            ids += self.instruction(text)
        ids += self._encode(protocol.user_text(turn))
        for count in image_tokens:
            ids += [*self._vision_start, *[self.image_id] * count, *self._vision_end]
        return [*ids, *self._close, *self._assistant_header]

    def reply(self, state: State, text: str = "") -> list[int]:
        """A state token and, after a response, one space and its words; without what closes the turn."""
        ids = [self.state_ids[protocol.STATES.index(state)]]
        return [*ids, *self.plain(f" {text}")] if state is State.RESPONSE and text else ids

    def close(self) -> list[int]:
        """`<|im_end|>\\n`"""
        return list(self._close)

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False)) if text else []

    def _single(self, token: str) -> int:
        ids = self._encode(token)
        if len(ids) == 1 and self.tokenizer.convert_ids_to_tokens(ids[0]) == token:
            return ids[0]
        raise ValueError(
            f"The tokenizer has no single token {token!r} (it gives {len(ids)}). Add it with "
            "tokenizer.add_tokens([...], special_tokens=True) and model.resize_token_embeddings(len(tokenizer)), "
            "and train the new rows."
        )

    def _parts(self, text: str):
        """`text` cut inside every added token that it spells, also where they overlap or are nested: no part spells
        one."""
        start = 0
        while found := self._names.search(text, start):
            yield text[start : found.start() + 1]
            start = found.start() + 1
        yield text[start:]

    def _harmless(self, part: str) -> list[int]:
        """Ids of a part. Should it still give an added id (by Unicode normalisation, say), it is spelled out letter by
        letter."""
        ids = self._encode(part)
        if self._added.isdisjoint(ids):
            return ids
        return [i for letter in part for i in self._encode(letter) if i not in self._added]
