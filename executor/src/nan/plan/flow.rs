//! How classes move along a function's paths.

use wasmparser::{BlockType, Operator};

use super::{Class, Classes, Frame, Pass};

fn meet(into: &mut [Class], from: &[Class]) -> bool {
    let mut fell = false;
    for (into, from) in into.iter_mut().zip(from) {
        let met = into.meet(*from);
        fell |= met != *into;
        *into = met;
    }
    fell
}

impl Pass<'_> {
    /// Opens a block that takes so many of the topmost values.
    pub(super) fn enter(&mut self, block: BlockType, takes: usize) {
        let frame = Frame {
            block,
            height: self.stack.len().saturating_sub(takes),
            label: self.unreached(),
            looping: None,
            otherwise: None,
        };
        self.frames.push(frame);
    }

    fn open(&mut self, block: BlockType, place: usize) {
        let (takes, _) = self.shape.block(block);
        for _ in 0..takes {
            self.pop_seen();
        }
        self.enter(block, 0);
        for _ in 0..takes {
            self.push(Class::EXACT, false, place);
        }
    }

    fn open_loop(&mut self, block: BlockType, place: usize) {
        self.open(block, place);
        let number = self.loops;
        self.loops += 1;
        match self.heads.get(number) {
            Some(head) => {
                meet(&mut self.now, head);
            }
            None => self.heads.push(self.unreached()),
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.label.clone_from(&self.now);
            frame.looping = Some(number);
        }
    }

    /// Nothing after this is reached, up to the end of the block.
    fn stop(&mut self) {
        if let Some(frame) = self.frames.last() {
            self.stack.truncate(frame.height);
        }
        self.now.fill(Class::NUMBER);
    }

    /// Sees the values that a label takes.
    fn see_label(&mut self, depth: u32) {
        let Some(at) = self.frames.len().checked_sub(1 + depth as usize) else {
            return;
        };
        let (takes, gives) = self.shape.block(self.frames[at].block);
        let count = self.frames[at].looping.map_or(gives, |_| takes);
        self.see_top(count);
    }

    /// Lets the present state go to a label.
    fn branch(&mut self, depth: u32) {
        let Some(at) = self.frames.len().checked_sub(1 + depth as usize) else {
            return;
        };
        let now = std::mem::take(&mut self.now);
        let fell = meet(&mut self.frames[at].label, &now);
        if let (true, Some(number)) = (fell, self.frames[at].looping) {
            meet(&mut self.heads[number], &now);
            self.learnt = true;
        }
        self.now = now;
    }

    fn close(&mut self, place: usize) {
        let Some(block) = self.frames.last().map(|frame| frame.block) else {
            return;
        };
        let (_, gives) = self.shape.block(block);
        self.see_top(gives);
        let Some(mut frame) = self.frames.pop() else {
            return;
        };
        self.stack.truncate(frame.height);
        if frame.looping.is_none() {
            meet(&mut frame.label, &self.now);
            if let Some(otherwise) = &frame.otherwise {
                meet(&mut frame.label, otherwise);
            }
            self.now = frame.label;
        }
        for _ in 0..gives {
            self.push(Class::EXACT, false, place);
        }
    }

    fn otherwise(&mut self, place: usize) {
        let Some((block, height)) = self.frames.last().map(|f| (f.block, f.height)) else {
            return;
        };
        let (takes, gives) = self.shape.block(block);
        self.see_top(gives);
        self.stack.truncate(height);
        let now = std::mem::take(&mut self.now);
        if let Some(frame) = self.frames.last_mut() {
            meet(&mut frame.label, &now);
            let begun: Option<Classes> = frame.otherwise.take();
            self.now = begun.unwrap_or(now);
        }
        for _ in 0..takes {
            self.push(Class::EXACT, false, place);
        }
    }

    /// An instruction that opens, closes or leaves a block.
    pub(super) fn flow(&mut self, op: &Operator<'_>, place: usize) {
        match op {
            Operator::Block { blockty } => self.open(*blockty, place),
            Operator::TryTable { try_table } => self.open(try_table.ty, place),
            Operator::Loop { blockty } => self.open_loop(*blockty, place),
            Operator::If { blockty } => {
                self.pop();
                self.open(*blockty, place);
                let now = self.now.clone();
                if let Some(frame) = self.frames.last_mut() {
                    frame.otherwise = Some(now);
                }
            }
            Operator::Else => self.otherwise(place),
            Operator::End => self.close(place),
            Operator::Br { relative_depth } => {
                self.see_label(*relative_depth);
                self.branch(*relative_depth);
                self.stop();
            }
            Operator::BrIf { relative_depth } => {
                self.pop();
                self.see_label(*relative_depth);
                self.branch(*relative_depth);
            }
            Operator::BrTable { targets } => {
                self.pop();
                // All labels of a table take the same number of values.
                self.see_label(targets.default());
                for depth in targets.targets().flatten() {
                    self.branch(depth);
                }
                self.branch(targets.default());
                self.stop();
            }
            Operator::Return => {
                let (_, gives) = self
                    .frames
                    .first()
                    .map_or((0, 0), |f| self.shape.block(f.block));
                self.see_top(gives);
                self.stop();
            }
            // Calls, throws and `unreachable`.
            _ => {
                self.plain(op, place);
                self.stop();
            }
        }
    }
}
