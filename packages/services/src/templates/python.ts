const server = `import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.split("?", 1)[0]
        if path == "/healthz":
            self.answer(200, "application/json", json.dumps({"status": "ok"}) + "\\n")
        elif path == "/":
            self.answer(200, "text/plain; charset=utf-8", "Hello from Juanie!\\n")
        else:
            self.answer(404, "text/plain; charset=utf-8", "Not found\\n")

    def answer(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        # Health is asked for each second; its lines would hide the others.
        if not getattr(self, "path", "").startswith("/healthz"):
            super().log_message(format, *args)


def main():
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "3000"))
    server = ThreadingHTTPServer((host, port), Handler)
    # shutdown() waits for the loop below, so it needs a thread of its own.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"listening on http://{host}:{server.server_port}", flush=True)
    server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main()
`

const test = `import threading
import unittest
from http.server import ThreadingHTTPServer
from urllib.request import urlopen

from server import Handler


class ServerTest(unittest.TestCase):
    def setUp(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_port}"

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()

    def test_the_page_greets(self):
        with urlopen(self.base, timeout=5) as answer:
            self.assertEqual(answer.read(), b"Hello from Juanie!\\n")

    def test_health_is_good(self):
        with urlopen(self.base + "/healthz", timeout=5) as answer:
            self.assertEqual(answer.status, 200)


if __name__ == "__main__":
    unittest.main()
`

const compose = `services:
  web:
    command: [python3, server.py]
    ports: ['3000']
    x-juanie:
      health:
        path: /healthz
`

/** An HTTP server of the standard library alone. */
export const python = (slug: string): Record<string, string> => ({
  'server.py': server,
  'test_server.py': test,
  'compose.yaml': compose,
  'requirements.txt': '',
  '.gitignore': '__pycache__/\n.venv/\n',
  'README.md': `# ${slug}\n\n\`python3 server.py\` serves it on port 3000, \`python3 -m unittest\` tests it. A push to the default branch deploys it to dev.\n`,
})
