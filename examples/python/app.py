"""A web service in Python that happens to run in an enclave: the standard library, one socket, no package."""

import json
import os
import socket
import struct
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


def attest(**fields):
    """An attestation document of the supervisor (docs/wire/attest-socket.md)."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.settimeout(10)
        asked.connect(os.environ["CAISSON_ATTEST"].removeprefix("unix:"))
        body = json.dumps(fields).encode()
        asked.sendall(struct.pack(">I", len(body)) + body)
        (size,) = struct.unpack(">I", asked.recv(4, socket.MSG_WAITALL))
        answer = json.loads(asked.recv(size, socket.MSG_WAITALL))
    if "document" not in answer:
        raise ValueError(answer.get("message", answer["error"]))
    return bytes.fromhex(answer["document"])


class Service(BaseHTTPRequestHandler):
    timeout = 10

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/":
            return self.answer(200, "text/plain", b"hello from Python, inside\n")
        if url.path != "/.well-known/attestation":
            return self.answer(404, "text/plain", b"nothing here\n")
        nonce = parse_qs(url.query).get("nonce", [""])[0]
        try:
            # No TLS ends here, so no key is named; the supervisor refuses a nonce of another form.
            document = attest(purpose="caisson-web/1", nonce=nonce, tlsKeySha256=None)
        except ValueError as error:
            return self.answer(400, "text/plain", f"{error}\n".encode())
        self.answer(200, "application/cbor", document)

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 3000), Service).serve_forever()
