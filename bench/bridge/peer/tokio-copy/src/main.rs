// The data path of pf-proxy: tokio's copy_bidirectional on a runtime with two workers.
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};

fn main() {
    let listen = std::env::args().nth(1).expect("listen address");
    let dial = std::env::args().nth(2).expect("unix path");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_io()
        .build()
        .expect("runtime");
    runtime.block_on(async move {
        let listener = TcpListener::bind(&listen).await.expect("listen");
        loop {
            let Ok((mut accepted, _)) = listener.accept().await else { continue };
            let dial = dial.clone();
            tokio::spawn(async move {
                let _ = accepted.set_nodelay(true);
                if let Ok(mut dialled) = UnixStream::connect(&dial).await {
                    let _ = copy_bidirectional(&mut accepted, &mut dialled).await;
                }
            });
        }
    });
}
