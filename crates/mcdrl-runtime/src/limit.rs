//! Time limits on steps that may hang: a helper thread in native programs, a timer in browsers.

use std::future::Future;
use std::time::Duration;

use futures_lite::future;

use crate::{Error, Result};

/// Runs `work`. Fails with [`Error::Timeout`] after `limit`. Without a limit, `work` runs on the caller's thread.
///
/// Work that hangs stays on its helper thread until it ends. A panic of the work becomes [`Error::Execution`], because a GPU's
/// runtime panics if its device disappears.
#[cfg(not(target_family = "wasm"))]
pub async fn within<T: Send + 'static, F: Future<Output = Result<T>>>(
    limit: Option<Duration>,
    step: &'static str,
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<T> {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::thread::spawn;

    let Some(limit) = limit else { return work().await };
    let (sender, result) = oneshot::channel();
    spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(|| future::block_on(work())));
        let _ = sender.send(result.unwrap_or_else(|panic| Err(panicked(panic.as_ref()))));
    });
    let (_done, ended) = channel::<()>();
    let (alarm, timer) = oneshot::channel();
    spawn(move || {
        if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            let _ = alarm.send(());
        }
    });
    let answer = async { result.await.expect("the helper thread always answers") };
    let expired = async {
        let _ = timer.await;
        Err(Error::Timeout { step, limit })
    };
    future::or(answer, expired).await
}

/// Runs `work`. Fails with [`Error::Timeout`] after `limit`.
#[cfg(target_family = "wasm")]
pub async fn within<T, F: Future<Output = Result<T>>>(
    limit: Option<Duration>,
    step: &'static str,
    work: impl FnOnce() -> F,
) -> Result<T> {
    let Some(limit) = limit else { return work().await };
    let milliseconds = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
    let expired = async {
        gloo_timers::future::TimeoutFuture::new(milliseconds).await;
        Err(Error::Timeout { step, limit })
    };
    future::or(work(), expired).await
}

#[cfg(not(target_family = "wasm"))]
fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::Execution(text.unwrap_or("its driver panicked").to_owned())
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;

    const SOON: Option<Duration> = Some(Duration::from_millis(50));

    #[test]
    fn work_within_the_limit_returns_its_result() {
        for limit in [None, Some(Duration::from_secs(60))] {
            let answer = within(limit, "to answer", || async { Ok(7) });
            assert_eq!(future::block_on(answer).unwrap(), 7);
        }
    }

    #[test]
    fn work_that_hangs_times_out() {
        let hang = || async {
            std::thread::sleep(Duration::from_secs(600));
            Ok(())
        };
        let error = future::block_on(within(SOON, "to answer", hang)).unwrap_err();
        assert_eq!(error.to_string(), "the GPU took longer than 0.05 s to answer");
    }

    #[test]
    fn work_that_panics_is_an_error() {
        let error = within(Some(Duration::from_secs(60)), "to answer", || async {
            if true {
                panic!("no device");
            }
            Ok(())
        });
        let error = future::block_on(error).unwrap_err();
        assert!(matches!(&error, Error::Execution(text) if text == "no device"), "{error}");
    }
}
