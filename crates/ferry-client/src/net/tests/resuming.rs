//! Data connections resume the control connection's session, however many there are.

use super::*;
use crate::error::ErrorKind;
use crate::settings::{ClientCertificate, TlsVersion};

/// More than any list of tickets that a server gives at once.
const TRANSFERS: usize = 150;

/// Down and up by turns; how many resumed.
async fn transfer(to: SocketAddr, tls: &Tls) -> usize {
    let mut resumed = 0;
    for turn in 0..TRANSFERS {
        let mut data = secured(to, tls, Purpose::Data).await.unwrap();
        if turn % 2 == 0 {
            data.write_all(b"G").await.unwrap();
            assert_eq!(read_all(&mut data, 64 << 10).await, (vec![7; 5000], Received::Eof));
        } else {
            data.write_all(b"P").await.unwrap();
            data.write_all(&[7; 5000]).await.unwrap();
        }
        data.finish_write(PATIENCE).await.unwrap();
        resumed += usize::from(data.facts().unwrap().resumed);
    }
    resumed
}

#[tokio::test]
async fn every_data_connection_of_a_long_session_resumes() {
    let identity = Authority::new().issue(&["localhost"], |_| {});
    for kind in RESUMABLE {
        let to = server_of_tls(config(kind, &identity, None), play);
        let tls = Tls::new(&site("localhost", to.port()), &trusting(Trust::Any)).await.unwrap();
        let control = control(to, &tls).await.unwrap();
        assert!(!control.facts().unwrap().resumed);
        assert_eq!(transfer(to, &tls).await, TRANSFERS, "{kind:?}");
    }
}

#[tokio::test]
async fn uploads_alone_do_not_use_tickets_up() {
    let identity = Authority::new().issue(&["localhost"], |_| {});
    let to = server_of_tls(config(Kind::V13Once, &identity, None), play);
    let tls = Tls::new(&site("localhost", to.port()), &trusting(Trust::Any)).await.unwrap();
    let _control = control(to, &tls).await.unwrap();
    for _ in 0..TRANSFERS {
        let mut data = secured(to, &tls, Purpose::Data).await.unwrap();
        data.write_all(b"P").await.unwrap();
        data.write_all(&[7; 5000]).await.unwrap();
        data.finish_write(PATIENCE).await.unwrap();
        assert!(data.facts().unwrap().resumed);
    }
}

#[tokio::test]
async fn without_tickets_the_same_certificate_will_do() {
    let identity = Authority::new().issue(&["localhost"], |_| {});
    let to = server_of_tls(config(Kind::V13None, &identity, None), play);
    let tls = Tls::new(&site("localhost", to.port()), &trusting(Trust::Any)).await.unwrap();
    let _control = control(to, &tls).await.unwrap();
    assert_eq!(transfer(to, &tls).await, 0);
}

#[tokio::test]
async fn another_certificate_on_a_data_connection_is_refused_whoever_is_trusted() {
    let authority = Authority::new();
    let (one, two) =
        (authority.issue(&["localhost"], |_| {}), authority.issue(&["localhost"], |_| {}));
    let to = server_of_tls(config(Kind::V13Ticket, &one, None), play);
    let impostor = server_of_tls(config(Kind::V13Ticket, &two, None), play);
    let tls = Tls::new(&site("localhost", to.port()), &trusting(Trust::Any)).await.unwrap();
    let _control = control(to, &tls).await.unwrap();
    let error = secured(impostor, &tls, Purpose::Data).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Certificate | ErrorKind::Tls), "{error}");
    secured(to, &tls, Purpose::Data).await.unwrap();
}

#[tokio::test]
async fn the_newest_version_can_be_limited() {
    let identity = Authority::new().issue(&["localhost"], |_| {});
    let to = server_of_tls(config(Kind::V13Ticket, &identity, None), play);
    let old = server_of_tls(config(Kind::V12Ticket, &identity, None), play);
    let mut settings = trusting(Trust::Any);
    settings.tls_max = TlsVersion::V12;
    let tls = Tls::new(&site("localhost", to.port()), &settings).await.unwrap();
    let error = control(to, &tls).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls);
    let wire = control(old, &tls).await.unwrap();
    assert_eq!(wire.facts().unwrap().version, "1.2");
}

#[tokio::test]
async fn a_clients_certificate_is_shown_on_control_and_data_and_sessions_resume() {
    let authority = Authority::new();
    let identity = authority.issue(&["localhost"], |_| {});
    let client = authority.issue(&["me"], |_| {});
    let dir = tempfile::tempdir().unwrap();
    let mut with = trusting(Trust::Any);
    with.client_certificate = Some(ClientCertificate {
        chain: file(&dir, "cert.pem", &client.pem),
        key: file(&dir, "key.pem", &client.key_pem),
    });
    for kind in RESUMABLE {
        let to = server_of_tls(config(kind, &identity, Some(&authority)), play);
        let site = site("localhost", to.port());
        let tls = Tls::new(&site, &with).await.unwrap();
        let _greeted = control(to, &tls).await.unwrap();
        assert_eq!(transfer(to, &tls).await, TRANSFERS, "{kind:?}");
    }
    let nonsense = file(&dir, "nonsense.pem", "no key");
    with.client_certificate =
        Some(ClientCertificate { chain: dir.path().join("cert.pem"), key: nonsense });
    let error = Tls::new(&site("localhost", 21), &with).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Local);
    assert!(error.to_string().contains("nonsense.pem"), "{error}");
}
