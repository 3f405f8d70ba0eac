"use strict";
// The numbers that NumPy's `numpy.random.RandomState(seed)` draws: the same seed gives the same
// weights and the same batches here and in Python. NumPy has promised never to change this stream.

globalThis.lenet ??= {};
{
  const LENGTH = 624, SHIFT = 397; // of the generator's state, in words of 32 bits

  // The Mersenne Twister of Matsumoto and Nishimura (1998), and what NumPy makes of its numbers.
  // `seed` is a whole number from 0 to 2^32 - 1.
  class RandomState {
    constructor(seed) {
      this.state = new Uint32Array(LENGTH);
      this.state[0] = seed;
      for (let k = 1; k < LENGTH; k++) {
        const before = this.state[k - 1];
        this.state[k] = Math.imul(1812433253, before ^ (before >>> 30)) + k;
      }
      this.next = LENGTH;
      this.spare = null; // normal numbers come in pairs
    }

    // A whole number from 0 to 2^32 - 1.
    bits() {
      if (this.next === LENGTH) this.twist();
      let y = this.state[this.next++];
      y ^= y >>> 11;
      y ^= (y << 7) & 0x9d2c5680;
      y ^= (y << 15) & 0xefc60000;
      return (y ^ (y >>> 18)) >>> 0;
    }

    twist() {
      const { state } = this;
      for (let k = 0; k < LENGTH; k++) {
        const y = (state[k] & 0x80000000) | (state[(k + 1) % LENGTH] & 0x7fffffff);
        state[k] = state[(k + SHIFT) % LENGTH] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.next = 0;
    }

    // A number from 0 to 1, without 1: 53 bits of it are drawn.
    uniform() {
      const high = this.bits() >>> 5, low = this.bits() >>> 6;
      return (high * 2 ** 26 + low) / 2 ** 53;
    }

    // A number from N(0, 1), by Marsaglia's polar method.
    normal() {
      if (this.spare !== null) {
        const spare = this.spare;
        this.spare = null;
        return spare;
      }
      let x, y, square;
      do {
        x = 2 * this.uniform() - 1;
        y = 2 * this.uniform() - 1;
        square = x * x + y * y;
      } while (square >= 1 || square === 0);
      const factor = Math.sqrt((-2 * Math.log(square)) / square);
      this.spare = factor * x;
      return factor * y;
    }

    // The numbers from 0 to n - 1, shuffled.
    permutation(n) {
      const order = Array.from({ length: n }, (_, k) => k);
      for (let last = n - 1; last > 0; last--) {
        const other = this.upTo(last);
        [order[last], order[other]] = [order[other], order[last]];
      }
      return order;
    }

    // A whole number from 0 to `most`: bits are drawn until they are no larger.
    upTo(most) {
      const mask = 2 ** (32 - Math.clz32(most)) - 1;
      let value;
      do value = (this.bits() & mask) >>> 0;
      while (value > most);
      return value;
    }
  }

  lenet.RandomState = RandomState;
}
