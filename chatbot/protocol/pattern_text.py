"""The text that the test pattern carries: letters of one, two, three and four bytes, so that a proxy which takes them
for another encoding, or rewrites what it passes on, is seen. It must be the same at both ends."""

TEXT = "plain, Grüße, naïve, Привет, 你好, 😀 <b>&amp; 'quoted'"
