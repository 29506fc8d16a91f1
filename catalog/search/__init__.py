"""The serving index: names, items, departments and divisions by characters, words, pinyin, initials and with a typo."""
