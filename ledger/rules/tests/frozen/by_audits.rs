//! Audits: who opens what, and what may be contested.

use protocol::entry::{AuditRequest, Body};

use crate::Refused;
use crate::job_scene::*;
use crate::scene::*;

pub(crate) fn tell(no: &mut Refused) {
    for found in ['7', '!'] {
        let mut scene = Scene::new().ready(cr(1_000), cr(1));
        let job = scene.drawn(terms(2, 2, 2));
        let letters = scene.audited(job, "77");
        let auditor = scene.auditor(job);
        let other = (0..4).map(member).find(|who| *who != auditor).unwrap();
        let hash = scene.findings(auditor, job, found)[0].seal(&job);
        let seal = Body::Audit(AuditRequest::Seal { job, hash });
        no.with(151, scene.enter(other, seal));
        scene.audit_seal(auditor, job, found).unwrap();
        no.with(152, scene.audit_open(auditor, job, found));
        scene.open_all(job, &letters);
        no.with(153, scene.audit_open(auditor, job, '9'));
        scene.audit_open(auditor, job, found).unwrap();
        // What an auditor could not run, nobody is accused of.
        let number = if found == '7' { 93 } else { 154 };
        no.with(number, scene.contest(R, job, '7'));
    }
}
