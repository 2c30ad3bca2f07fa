//! The table itself. A line reads: id, name, default, bounds. Ids rise and are never used twice.

use borsh::{BorshDeserialize, BorshSerialize};

use super::{Field, ParamSpec, STEP_BPS, Unit};
use crate::units::{Bps, Credits, Millis};

macro_rules! governed {
    ($(
        #[doc = $what:literal]
        $field:ident: $kind:ty, $unit:ident {
            $($id:literal $name:literal = $default:literal, $min:literal ..= $max:literal;)+
        }
    )+) => {
        /// The governed numbers. `rules` refuses any that make cheating pay.
        #[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
        pub struct Params {
            $(#[doc = $what] pub $field: $kind,)+
        }

        impl Params {
            /// The defaults that `docs/ECONOMY.md` derives.
            pub fn standard() -> Self {
                Self {
                    $($field: Field::standard(&[$($default),+]),)+
                }
            }

            /// The number of this id; `None` if there is none.
            pub fn get(&self, id: u16) -> Option<u64> {
                $(if let Some(place) = [$($id),+].iter().position(|other| *other == id) {
                    return self.$field.at(place);
                })+
                None
            }

            /// Sets the number of this id. Says whether there is one and its field can hold so
            /// much; bounds are not asked.
            pub fn set(&mut self, id: u16, number: u64) -> bool {
                $(if let Some(place) = [$($id),+].iter().position(|other| *other == id) {
                    return self.$field.put(place, number);
                })+
                false
            }
        }

        /// Every governed number, by rising id.
        pub const PARAMS: &[ParamSpec] = &[
            $($(ParamSpec {
                id: $id,
                name: $name,
                what: $what.trim_ascii(),
                unit: Unit::$unit,
                default: $default,
                min: $min,
                max: $max,
                step_bps: STEP_BPS,
            },)+)+
        ];
    };
}

governed! {
    // Classes, in code order.
    /// How often an outcome is checked by a member, per class.
    audit: [Bps; 4], Ratio {
        1 "audit.grid" = 500, 0..=10_000;
        2 "audit.edge" = 2_500, 0..=10_000;
        3 "audit.cloud" = 1_000, 0..=10_000;
        4 "audit.ai" = 1_000, 0..=10_000;
    }
    /// What a drawn peer locks per bundle, in task prices, per class.
    slash_mult: [u16; 4], Count {
        5 "slash_mult.grid" = 128, 1..=512;
        6 "slash_mult.edge" = 20, 1..=512;
        7 "slash_mult.cloud" = 64, 1..=512;
        8 "slash_mult.ai" = 64, 1..=512;
    }
    /// How many copies of a bundle a submitter is advised, per class.
    copies: [u8; 4], Count {
        9 "copies.grid" = 2, 1..=7;
        10 "copies.edge" = 3, 1..=7;
        11 "copies.cloud" = 2, 1..=7;
        12 "copies.ai" = 2, 1..=7;
    }
    /// By what the windows of a job are divided, per class: quick classes wait less.
    window_divisor: [u8; 4], Count {
        13 "window_divisor.grid" = 1, 1..=60;
        14 "window_divisor.edge" = 10, 1..=60;
        15 "window_divisor.cloud" = 1, 1..=60;
        16 "window_divisor.ai" = 1, 1..=60;
    }
    /// The share of an epoch in which a peer must stand ready to be rewarded for it, per class.
    availability: [Bps; 4], Ratio {
        17 "availability.grid" = 9_500, 0..=10_000;
        18 "availability.edge" = 5_000, 0..=10_000;
        19 "availability.cloud" = 9_900, 0..=10_000;
        20 "availability.ai" = 9_950, 0..=10_000;
    }
    /// Whether rewards for work diminish (1) or are linear (0), per class.
    curve: [u8; 4], Count {
        21 "curve.grid" = 0, 0..=1;
        22 "curve.edge" = 1, 0..=1;
        23 "curve.cloud" = 0, 0..=1;
        24 "curve.ai" = 0, 0..=1;
    }
    /// Where a class's price index begins, per Gfuel.
    index_start: [Credits; 4], Money {
        25 "index_start.grid" = 10_000, 1..=1_000_000_000;
        26 "index_start.edge" = 10_000, 1..=1_000_000_000;
        27 "index_start.cloud" = 10_000, 1..=1_000_000_000;
        28 "index_start.ai" = 10_000, 1..=1_000_000_000;
    }
    /// The utilisation at which a price index rests.
    index_target: Bps, Ratio { 29 "index_target" = 7_000, 1_000..=9_500; }
    /// How far a price index moves in an epoch at most.
    index_step: Bps, Ratio { 30 "index_step" = 1_250, 0..=2_500; }

    /// Of where it began, the share below which a price index does not fall.
    index_floor: Bps, Ratio { 31 "index_floor" = 1_000, 0..=10_000; }
    /// What work of a class is worth beside its price index: quotes are multiplied by it.
    utility: [u32; 4], Ratio {
        32 "utility.grid" = 10_000, 100..=1_000_000;
        33 "utility.edge" = 10_000, 100..=1_000_000;
        34 "utility.cloud" = 10_000, 100..=1_000_000;
        35 "utility.ai" = 10_000, 100..=1_000_000;
    }

    // Copies and checks.
    /// Copies of a bundle that a peer on probation takes part in, at least.
    copies_probation: u8, Count { 40 "copies_probation" = 3, 2..=7; }
    /// Copies of a bundle among normal peers.
    copies_normal: u8, Count { 41 "copies_normal" = 2, 2..=7; }
    /// Copies of a bundle among trusted peers.
    copies_trusted: u8, Count { 42 "copies_trusted" = 1, 1..=7; }
    /// Audited tasks of a bundle get so many auditors, suspended ones too where others are too few.
    auditors_min: u8, Count { 43 "auditors_min" = 4, 1..=16; }
    /// The share of a job's tasks that may be canaries: tasks whose outcome the submitter knows.
    canary: Bps, Ratio { 44 "canary" = 100, 0..=1_000; }
    /// How many members beyond the number that may be faulty make a panel.
    panel_margin: u8, Count { 45 "panel_margin" = 1, 1..=16; }
    /// For so many task prices per panel member a submitter leaves a deposit.
    panel_deposit: u8, Count { 46 "panel_deposit" = 8, 1..=64; }
    /// A run is handed on to another peer so often.
    replacements_max: u8, Count { 47 "replacements_max" = 5, 0..=16; }
    /// What a submitter loses of its escrow if it could start a job and does not.
    abort_fee: Bps, Ratio { 48 "abort_fee" = 100, 0..=1_000; }

    // Windows.
    /// A job must be started within this.
    start_window: Millis, Span { 60 "start_window" = 60_000, 1_000..=86_400_000; }
    /// The least time a drawn peer has to seal.
    seal_window_min: Millis, Span { 61 "seal_window_min" = 60_000, 1_000..=86_400_000; }
    /// After all have sealed, the submitter has so long to close.
    close_window: Millis, Span { 62 "close_window" = 600_000, 1_000..=86_400_000; }
    /// After the close, auditors have so long to run their tasks and seal.
    audit_window: Millis, Span { 63 "audit_window" = 1_800_000, 1_000..=604_800_000; }
    /// After the close or the audits, peers have so long to open.
    open_window: Millis, Span { 64 "open_window" = 600_000, 1_000..=86_400_000; }
    /// After a difference, anyone has so long to show where.
    dispute_window: Millis, Span { 65 "dispute_window" = 3_600_000, 1_000..=604_800_000; }
    /// A panel has so long to seal, and so long again to open.
    panel_window: Millis, Span { 66 "panel_window" = 1_800_000, 1_000..=604_800_000; }
    /// A slash is held so long before it is shared out, so that it can be appealed.
    appeal_window: Millis, Span { 67 "appeal_window" = 3_600_000, 0..=604_800_000; }
    /// Who is asked for the outcomes of a bundle on the ledger has so long to answer.
    answer_window: Millis, Span { 68 "answer_window" = 600_000, 1_000..=86_400_000; }
    /// An entry is valid for so long at most.
    entry_life_max: Millis, Span { 69 "entry_life_max" = 7_200_000, 60_000..=86_400_000; }

    // Faults.
    /// Shares of a slash: burned, victim, finder, treasury. They add up to one.
    slash_split: [Bps; 4], Ratio {
        80 "slash_split.burned" = 4_000, 0..=10_000;
        81 "slash_split.victim" = 3_000, 0..=10_000;
        82 "slash_split.finder" = 2_000, 0..=2_000;
        83 "slash_split.treasury" = 1_000, 0..=10_000;
    }
    /// F2: what a peer that did not seal pays, of a task price.
    late_fine: Bps, Ratio { 84 "late_fine" = 2_500, 0..=10_000; }
    /// F3: what a peer that did not open pays, of its lock.
    unopened_fine: Bps, Ratio { 85 "unopened_fine" = 2_500, 0..=10_000; }
    /// F6: what a member that voted twice pays, of its bond.
    double_vote_fine: Bps, Ratio { 86 "double_vote_fine" = 500, 0..=10_000; }
    /// F7: what a judge or auditor against the verdict pays, in locks.
    judge_fine: u8, Count { 87 "judge_fine" = 2, 1..=16; }
    /// F8: what a silent judge or auditor pays, in task prices.
    silence_fine: u8, Count { 88 "silence_fine" = 1, 0..=64; }
    /// F8: so often silent within an epoch, and a member is not drawn as auditor.
    silence_max: u8, Count { 89 "silence_max" = 3, 1..=64; }
    /// F8: for so long it is not drawn then.
    silence_span: u32, Epochs { 90 "silence_span" = 24, 1..=2_160; }
    /// Who feigned capacity (F10) loses what standing ready earned it in so many epochs.
    feigned_span: u32, Epochs { 91 "feigned_span" = 720, 1..=8_760; }
    /// A peer convicted of a wrong outcome is not drawn for so long.
    jail: Millis, Span { 92 "jail" = 604_800_000, 60_000..=31_536_000_000; }
    /// So many convictions within the span below, and a peer is struck for good.
    tombstone_count: u8, Count { 93 "tombstone_count" = 3, 1..=16; }
    /// The span in which convictions are counted.
    tombstone_span: Millis, Span {
        94 "tombstone_span" = 2_592_000_000, 60_000..=31_536_000_000;
    }
    /// Results of a convicted peer are flagged so far back.
    taint_span: u32, Epochs { 95 "taint_span" = 168, 1..=2_160; }
    /// Most that a task may be declared to be worth beyond its price, in task prices.
    risk_max: u16, Count { 96 "risk_max" = 1_000, 1..=10_000; }
    /// For so long who paid for doubtful results of a convicted peer may claim it from its slash.
    redress: u32, Epochs { 97 "redress" = 72, 1..=720; }

    // Reputation.
    /// What is kept of evidence after an epoch, of 65 536.
    reputation_keep: u32, Count { 110 "reputation_keep" = 65_408, 60_000..=65_535; }
    /// What a confirmed fault weighs.
    reputation_fault: u16, Count { 111 "reputation_fault" = 32, 1..=1_024; }
    /// The most that one agreement weighs.
    reputation_weight_max: u8, Count { 112 "reputation_weight_max" = 16, 1..=64; }
    /// How many agreements a passed audit is worth.
    reputation_audit: u8, Count { 113 "reputation_audit" = 4, 1..=16; }
    /// What a newcomer is thought to have done well, and badly.
    reputation_prior: [u8; 2], Count {
        114 "reputation_prior.good" = 1, 0..=16;
        115 "reputation_prior.bad" = 3, 1..=16;
    }
    /// Below this score a peer is on probation.
    normal_score: Bps, Ratio { 116 "normal_score" = 5_000, 0..=10_000; }
    /// With fewer verified results a peer is on probation.
    normal_verified: u16, Count { 117 "normal_verified" = 20, 1..=10_000; }
    /// From this score on a peer can be trusted.
    trusted_score: Bps, Ratio { 118 "trusted_score" = 9_500, 5_000..=10_000; }
    /// With fewer verified results it is not.
    trusted_verified: u16, Count { 119 "trusted_verified" = 200, 1..=10_000; }
    /// Nor before it has been here so long.
    trusted_age: Millis, Span { 120 "trusted_age" = 604_800_000, 0..=31_536_000_000; }
    /// What one peer may weigh of a class's roster.
    roster_cap_peer: Bps, Ratio { 121 "roster_cap_peer" = 500, 1..=10_000; }
    /// What the peers of one sponsor may weigh of a class's roster.
    roster_cap_sponsor: Bps, Ratio { 122 "roster_cap_sponsor" = 2_000, 500..=10_000; }
    /// The share of draws that is left to newcomers.
    exploration: Bps, Ratio { 123 "exploration" = 1_000, 0..=5_000; }
    /// Pay for which one agreement weighs one; it weighs one more each time that doubles.
    reputation_price: Credits, Money { 124 "reputation_price" = 1_000, 1..=1_000_000_000; }
    /// A peer that misses more than this of an epoch's runs in a class is suspended there.
    missed_max: Bps, Ratio { 125 "missed_max" = 2_500, 0..=10_000; }
    /// But not before it was drawn for so many runs in the epoch.
    missed_of: u16, Count { 126 "missed_of" = 8, 1..=1_000; }
    /// It is suspended until the end of so many epochs after that one.
    suspension: u32, Epochs { 127 "suspension" = 1, 0..=168; }
    /// Members agree on a peer's speed if half of what they measured lies so near to one of it.
    meter_error_max: Bps, Ratio { 128 "meter_error_max" = 1_000, 1..=10_000; }

    // Stake.
    /// An unbonding stays slashable so long.
    unbond_window: Millis, Span { 140 "unbond_window" = 604_800_000, 60_000..=31_536_000_000; }
    /// A bond counts as the least it was in so many epochs.
    lookback: u8, Epochs { 141 "lookback" = 24, 1..=24; }
    /// What of its pay a peer puts into its bond until that is large enough.
    earn_to_bond: Bps, Ratio { 142 "earn_to_bond" = 5_000, 0..=10_000; }
    /// A bond is large enough for a beginner at so much.
    earn_to_bond_until: Credits, Money {
        143 "earn_to_bond_until" = 100_000_000, 0..=1_000_000_000_000;
    }
    /// What admitting a peer costs its sponsor, for good.
    admission_fee: Credits, Money { 144 "admission_fee" = 0, 0..=1_000_000_000; }
    /// What a member that joins must bond as a judge.
    member_bond: Credits, Money { 145 "member_bond" = 1_000_000_000, 0..=1_000_000_000_000; }
    /// Who is drawn must have so many times what a run locks in its bond, and free.
    coverage: u8, Count { 146 "coverage" = 1, 1..=16; }

    // Fees and quotas.
    /// Price of an entry, whatever its size.
    entry_fee: Credits, Money { 160 "entry_fee" = 200, 0..=1_000_000_000; }
    /// Price of each of its bytes.
    byte_fee: Credits, Money { 161 "byte_fee" = 1, 0..=1_000_000; }
    /// Share of an entry's fee that is burned; the rest goes to the treasury.
    fee_burned: Bps, Ratio { 162 "fee_burned" = 5_000, 0..=10_000; }
    /// Entries of a party in an epoch that cost nothing.
    quota_party: u32, Count { 163 "quota_party" = 60, 0..=100_000; }
    /// Entries of all parties of one sponsor in an epoch that cost nothing.
    quota_sponsor: u32, Count { 164 "quota_sponsor" = 6_000, 0..=10_000_000; }
    /// What a submitter pays on top of every payment for work.
    work_fee: Bps, Ratio { 165 "work_fee" = 200, 0..=2_000; }
    /// Of that payment again, what is burned; the rest of the fee is the federation's.
    work_fee_burned: Bps, Ratio { 166 "work_fee_burned" = 100, 0..=2_000; }
    /// Share of a block that is kept for disputes, verdicts and evidence.
    reserved_space: Bps, Ratio { 167 "reserved_space" = 2_500, 0..=9_000; }
    /// Grants are good for so long.
    grant_life: Millis, Span { 168 "grant_life" = 7_776_000_000, 60_000..=63_072_000_000; }
    /// What a member may grant in an epoch, out of the treasury.
    grant_quota: Credits, Money { 169 "grant_quota" = 10_000_000, 0..=1_000_000_000_000; }

    /// Of what a task is declared to be worth beyond its price, what a submitter pays for each run.
    risk_fee: Bps, Ratio { 170 "risk_fee" = 25, 0..=1_000; }
    /// After a payment channel is settled, its vouchers can be redeemed for so long.
    channel_settle: Millis, Span { 171 "channel_settle" = 7_200_000, 60_000..=604_800_000; }

    // Epochs and issuance.
    /// How long an epoch is.
    epoch: Millis, Span { 180 "epoch" = 3_600_000, 600_000..=86_400_000; }
    /// What may be minted in a year, of all credits.
    inflation_cap: Bps, Ratio { 181 "inflation_cap" = 300, 0..=1_000; }
    /// Shares of what an epoch mints: demand, availability, members, supply, treasury.
    epoch_split: [Bps; 5], Ratio {
        182 "epoch_split.demand" = 6_000, 0..=10_000;
        183 "epoch_split.availability" = 1_500, 0..=10_000;
        184 "epoch_split.members" = 1_000, 0..=10_000;
        185 "epoch_split.supply" = 1_000, 0..=10_000;
        186 "epoch_split.treasury" = 500, 0..=10_000;
    }
    /// The subsidy of work is at most this share of the fee that was burned for it.
    subsidy_max: Bps, Ratio { 187 "subsidy_max" = 5_000, 0..=5_000; }
    /// What of a sponsor's earnings counts in full, and up to where half of it does.
    curve_until: [Credits; 2], Money {
        188 "curve_until.full" = 1_000_000_000, 1..=1_000_000_000_000;
        189 "curve_until.half" = 5_000_000_000, 1..=1_000_000_000_000;
    }
    /// Of an epoch's pool, one peer gets at most this share: its sponsor's, or splitting would pay.
    reward_cap_peer: Bps, Ratio { 190 "reward_cap_peer" = 2_000, 1..=10_000; }
    /// Of an epoch's pool, the peers of one sponsor get at most this share.
    reward_cap_sponsor: Bps, Ratio { 191 "reward_cap_sponsor" = 2_000, 1..=10_000; }
    /// Rewards that are not claimed for so long are not minted.
    claim_life: u32, Epochs { 192 "claim_life" = 48, 1..=60; }
    /// The most that a member may owe, with mutual credit.
    credit_line: Credits, Money { 193 "credit_line" = 10_000_000_000, 0..=1_000_000_000_000; }
    /// What the reserve must hold, of all redeemable credits.
    reserve_min: u32, Ratio { 194 "reserve_min" = 10_000, 10_000..=100_000; }
    /// A report of the reserve is good for so long.
    report_life: u32, Epochs { 195 "report_life" = 720, 1..=8_760; }

    // The council.
    /// A change of numbers, classes or quotas needs more than this share of power.
    quorum_param: Bps, Ratio { 210 "quorum_param" = 5_000, 5_000..=9_000; }
    /// A change of members or of the software needs more than this share of power.
    quorum_member: Bps, Ratio { 211 "quorum_member" = 6_667, 6_667..=9_000; }
    /// A correction needs this share of power.
    quorum_reversal: Bps, Ratio { 212 "quorum_reversal" = 7_500, 7_500..=10_000; }
    /// More than this share of power against with a veto, and the deposit is lost.
    veto: Bps, Ratio { 213 "veto" = 3_334, 3_334..=5_000; }
    /// A proposal can be voted on for so long.
    voting: u32, Epochs { 214 "voting" = 72, 1..=720; }
    /// A decision waits so long before it can be carried out.
    timelock: u32, Epochs { 215 "timelock" = 24, 1..=720; }
    /// What a proposal leaves as a deposit.
    proposal_deposit: Credits, Money {
        216 "proposal_deposit" = 10_000_000, 0..=1_000_000_000_000;
    }
    /// How much power may change hands in an epoch, of all; less than a third.
    power_step: Bps, Ratio { 217 "power_step" = 3_333, 1..=3_333; }
    /// An emergency ends by itself after so long.
    emergency: u32, Epochs { 218 "emergency" = 72, 1..=168; }
    /// A lost root key is replaced by its sponsors after so long, unless the old key says no.
    recovery: u32, Epochs { 219 "recovery" = 168, 1..=2_160; }
    /// Within an unbond window a key is replaced so often.
    rotations_max: u8, Count { 220 "rotations_max" = 3, 1..=64; }
    /// Reserved until there are compliance officers: for so long at most two freeze a party.
    freeze: u32, Epochs { 221 "freeze" = 72, 1..=720; }
}
