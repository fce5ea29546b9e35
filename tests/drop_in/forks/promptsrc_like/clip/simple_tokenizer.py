import zlib


class SimpleTokenizer:
    vocabulary = 500

    def encode(self, text):
        return [zlib.crc32(word.encode()) % (self.vocabulary - 3) + 1 for word in text.replace(".", " .").split()]
