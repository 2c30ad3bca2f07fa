//! What of a slash is kept for earlier results.

use crate::Refused;
use crate::redress_scene::*;
use crate::scene::*;

pub(crate) fn tell(no: &mut Refused) {
    let (mut scene, slash, _) = convicted();
    no.with(161, claim(&mut scene, R, slash + 1, &[0]));
    no.with(162, claim(&mut scene, R, slash, &[99]));
}
