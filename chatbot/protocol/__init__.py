"""Pure bytes and values: the event stream of the HTML standard and OpenAI's shapes. No I/O, no clock."""
