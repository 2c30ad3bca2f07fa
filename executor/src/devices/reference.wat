;; The reference module: what a processor's speed is measured with. Whole numbers that come and go
;; through memory, floats that are multiplied and added, and branches that nothing foretells.
;; `reference.wasm` is this text assembled; a test holds them to each other.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 64)

  ;; A walk through a mebibyte, as far and as crooked as a hash table's.
  (func $whole (result i64)
    (local $turn i32) (local $x i32) (local $at i32)
    (local.set $x (i32.const 0x2545f491))
    (loop $next
      (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 13))))
      (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 17))))
      (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 5))))
      (local.set $at
        (i32.add (i32.const 65536) (i32.and (local.get $x) (i32.const 0xffffc))))
      (i32.store (local.get $at)
        (i32.add (i32.mul (i32.load (local.get $at)) (i32.const 0x2c9277b5)) (local.get $x)))
      (br_if $next
        (i32.lt_u
          (local.tee $turn (i32.add (local.get $turn) (i32.const 1)))
          (i32.const 3000000))))
    (i64.extend_i32_u (i32.load (local.get $at))))

  ;; Rows of 1024 floats, multiplied and added.
  (func $floats (result i64)
    (local $row i32) (local $at i32) (local $sum f64)
    (loop $fill
      (f64.store offset=2097152 (local.get $at)
        (f64.mul (f64.convert_i32_u (local.get $at)) (f64.const 0.000030517578125)))
      (br_if $fill
        (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 8)))
          (i32.const 16384))))
    (loop $again
      (local.set $at (i32.const 0))
      (loop $next
        (local.set $sum
          (f64.add
            (f64.mul (local.get $sum) (f64.const 0.5))
            (f64.mul
              (f64.load offset=2097152 (local.get $at))
              (f64.load offset=2105344 (local.get $at)))))
        (br_if $next
          (i32.lt_u
            (local.tee $at (i32.add (local.get $at) (i32.const 8)))
            (i32.const 8192))))
      (br_if $again
        (i32.lt_u
          (local.tee $row (i32.add (local.get $row) (i32.const 1)))
          (i32.const 4000))))
    (i64.reinterpret_f64 (local.get $sum)))

  ;; Collatz' numbers: which way a branch goes is as good as chance.
  (func $branches (result i64)
    (local $n i32) (local $x i64) (local $steps i64)
    (loop $begin
      (local.set $x (i64.extend_i32_u (i32.add (local.get $n) (i32.const 1))))
      (block $one
        (loop $next
          (br_if $one (i64.le_u (local.get $x) (i64.const 1)))
          (local.set $steps (i64.add (local.get $steps) (i64.const 1)))
          (if (i64.eqz (i64.and (local.get $x) (i64.const 1)))
            (then (local.set $x (i64.shr_u (local.get $x) (i64.const 1))))
            (else
              (local.set $x
                (i64.add (i64.mul (local.get $x) (i64.const 3)) (i64.const 1)))))
          (br $next)))
      (br_if $begin
        (i32.lt_u
          (local.tee $n (i32.add (local.get $n) (i32.const 1)))
          (i32.const 40000))))
    (local.get $steps))

  (func (export "_start")
    (i64.store (i32.const 64) (call $whole))
    (i64.store (i32.const 72) (call $floats))
    (i64.store (i32.const 80) (call $branches))
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 24))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))
