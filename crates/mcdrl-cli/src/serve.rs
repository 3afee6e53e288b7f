use std::io::Cursor;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use tiny_http::{Header, Method, Request, Response, ResponseBox, Server, StatusCode};

use crate::error::{Failure, Outcome};
use crate::output::say;

/// Serve the browser app on localhost.
#[derive(Args)]
pub struct Serve {
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The folder of the app that `cargo xtask web` builds. Default: `www/dist` here or in a folder above.
    #[arg(long)]
    app: Option<PathBuf>,
}

/// The number of requests that are answered in parallel.
const THREADS: usize = 4;

/// Cross-origin isolation lets the page share memory between threads. The content security policy blocks other hosts.
const HEADERS: [(&str, &str); 7] = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; \
         img-src 'self' blob:; media-src 'self' blob:; style-src 'self'; manifest-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    // The service worker caches the app, so the browser's own cache must check for a newer one each time.
    ("Cache-Control", "no-cache"),
];

impl Serve {
    pub fn run(self) -> Outcome {
        let app = find_app(self.app)?;
        let server = Server::http(("127.0.0.1", self.port)).map_err(|e| {
            Failure::Failed(format!("port {}: {e}; choose another with --port", self.port))
        })?;
        let port = server.server_addr().to_ip().map_or(self.port, |address| address.port());
        say!("http://localhost:{port}/");
        let (server, app) = (Arc::new(server), Arc::new(app));
        let workers = (0..THREADS).map(|_| {
            let (server, app) = (server.clone(), app.clone());
            std::thread::spawn(move || {
                while let Ok(request) = server.recv() {
                    let response = answer(&app, &request);
                    // The client may have closed the connection.
                    let _ = request.respond(response);
                }
            })
        });
        for worker in workers.collect::<Vec<_>>() {
            worker.join().map_err(|_| Failure::Failed("a thread of the server failed".into()))?;
        }
        Ok(())
    }
}

fn find_app(given: Option<PathBuf>) -> Outcome<PathBuf> {
    let here = std::env::current_dir().map_err(Failure::io(Path::new(".")))?;
    let candidates = match given {
        Some(folder) => vec![folder],
        None => here.ancestors().map(|folder| folder.join("www/dist")).collect(),
    };
    let found = candidates.iter().find(|folder| folder.join("index.html").is_file());
    found.cloned().ok_or_else(|| {
        let place = candidates[0].display();
        Failure::Failed(format!("{place} has no index.html: build the app with `cargo xtask web`"))
    })
}

fn answer(app: &Path, request: &Request) -> ResponseBox {
    if !matches!(request.method(), Method::Get | Method::Head) {
        return plain(405, "only GET and HEAD are supported\n");
    }
    let Some(file) = file_of(app, request.url()) else {
        return plain(404, "file not found\n");
    };
    match std::fs::read(&file) {
        Ok(bytes) => respond(200, bytes, content_type(&file)),
        Err(_) => plain(404, "file not found\n"),
    }
}

/// The file that a URL names; `None` if the URL leaves the app's folder.
fn file_of(app: &Path, url: &str) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next()?.trim_start_matches('/');
    let path = Path::new(path);
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let file = app.join(path);
    Some(if file.is_dir() { file.join("index.html") } else { file })
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg") => "image/jpeg",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn plain(status: u16, text: &str) -> ResponseBox {
    respond(status, text.into(), "text/plain; charset=utf-8")
}

fn respond(status: u16, bytes: Vec<u8>, content_type: &str) -> ResponseBox {
    let length = bytes.len();
    let named = HEADERS.iter().copied().chain([("Content-Type", content_type)]);
    let headers = named.map(|(name, value)| {
        Header::from_bytes(name, value).expect("these names and values are plain ASCII")
    });
    Response::new(StatusCode(status), headers.collect(), Cursor::new(bytes), Some(length), None)
        .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_stay_in_the_apps_folder() {
        let app = tempfile::tempdir().unwrap();
        std::fs::create_dir(app.path().join("assets")).unwrap();
        let file = |url: &str| file_of(app.path(), url);
        assert_eq!(file("/"), Some(app.path().join("index.html")));
        assert_eq!(file("/?delegate=CPU#top"), Some(app.path().join("index.html")));
        assert_eq!(file("/assets/a.js"), Some(app.path().join("assets/a.js")));
        assert_eq!(file("//assets"), Some(app.path().join("assets/index.html")));
        for url in ["/../secret", "/assets/../../secret", "/..", "/assets/.."] {
            assert_eq!(file(url), None, "{url}");
        }
        // Percent escapes are not decoded, so they are ordinary names.
        assert_eq!(file("/%2e%2e/secret"), Some(app.path().join("%2e%2e/secret")));
    }
}
