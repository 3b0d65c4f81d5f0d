import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { createRequire } from "module";
// \0rolldown/runtime.js
var __defProp = Object.defineProperty;
var __exportAll = (all, no_symbols) => {
	let target = {};
	for (var name in all) __defProp(target, name, {
		get: all[name],
		enumerable: true
	});
	if (!no_symbols) __defProp(target, Symbol.toStringTag, { value: "Module" });
	return target;
};
// ../sampling/src/core/errors.ts
/** An error that says what came, what was expected and what to try; `details` holds the values it speaks of. */
var PullbackError = class extends Error {
	details;
	constructor(message, details = {}, options) {
		super(message, options);
		this.name = new.target.name;
		this.details = details;
	}
};
/** An argument outside its domain. */
var ArgumentError = class extends PullbackError {};
/** More memory needed than there is. */
var MemoryError = class extends PullbackError {};
/** Stopped by an AbortSignal. */
var AbortedError = class extends PullbackError {};
// ../sampling/src/kernels/allocator.ts
const alignment = 64;
/**
* First-fit allocator with coalescing over a growing region. Addresses are bytes; every block starts on a cache line.
* Small blocks are recycled by size without searching.
*/
var Allocator = class {
	ensure;
	#top;
	#sizes = /* @__PURE__ */ new Map();
	#small = /* @__PURE__ */ new Map();
	/** Free blocks by address, no two adjacent. */
	#free = [];
	used = 0;
	peak = 0;
	constructor(start, ensure) {
		this.ensure = ensure;
		this.#top = Math.ceil(start / alignment) * alignment;
	}
	allocate(bytes) {
		if (!(bytes >= 0) || bytes > 2 ** 32) throw new MemoryError(`memory: ${bytes} bytes cannot be reserved at once`, { bytes });
		const size = Math.ceil((bytes + 64) / alignment) * alignment;
		const at = this.#take(size);
		this.#sizes.set(at, size);
		this.used += size;
		if (this.used > this.peak) this.peak = this.used;
		return at;
	}
	#take(size) {
		const recycled = size <= 4096 ? this.#small.get(size)?.pop() : void 0;
		if (recycled !== void 0) return recycled;
		for (let i = 0; i < this.#free.length; i++) {
			const block = this.#free[i];
			if (block.bytes < size) continue;
			const at = block.at;
			if (block.bytes === size) this.#free.splice(i, 1);
			else {
				block.at += size;
				block.bytes -= size;
			}
			return at;
		}
		const at = this.#top;
		this.ensure(at + size);
		this.#top = at + size;
		return at;
	}
	free(at) {
		const size = this.#sizes.get(at);
		if (size === void 0) throw new MemoryError(`memory: no block starts at ${at}`, { at });
		this.#sizes.delete(at);
		this.used -= size;
		if (size <= 4096) {
			const list = this.#small.get(size);
			if (list) list.push(at);
			else this.#small.set(size, [at]);
			return;
		}
		let low = 0;
		for (let high = this.#free.length; low < high;) {
			const middle = low + high >> 1;
			if (this.#free[middle].at < at) low = middle + 1;
			else high = middle;
		}
		const before = this.#free[low - 1];
		const after = this.#free[low];
		const joinsBefore = before !== void 0 && before.at + before.bytes === at;
		const joinsAfter = after !== void 0 && at + size === after.at;
		if (joinsBefore && joinsAfter) {
			before.bytes += size + after.bytes;
			this.#free.splice(low, 1);
		} else if (joinsBefore) before.bytes += size;
		else if (joinsAfter) {
			after.at = at;
			after.bytes += size;
		} else this.#free.splice(low, 0, {
			at,
			bytes: size
		});
		const last = this.#free.at(-1);
		if (last && last.at + last.bytes === this.#top) {
			this.#top = last.at;
			this.#free.pop();
		}
	}
};
// ../../../work/main/node_modules/fflate/esm/index.mjs
var require = createRequire("/");
var _a;
try {
	_a = require("worker_threads"), _a.Worker, _a.isMarkedAsUntransferable;
} catch (e) {}
var u8 = Uint8Array;
var u16 = Uint16Array;
var i32 = Int32Array;
var fleb = new u8([
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	1,
	1,
	1,
	1,
	2,
	2,
	2,
	2,
	3,
	3,
	3,
	3,
	4,
	4,
	4,
	4,
	5,
	5,
	5,
	5,
	0,
	0,
	0,
	0
]);
var fdeb = new u8([
	0,
	0,
	0,
	0,
	1,
	1,
	2,
	2,
	3,
	3,
	4,
	4,
	5,
	5,
	6,
	6,
	7,
	7,
	8,
	8,
	9,
	9,
	10,
	10,
	11,
	11,
	12,
	12,
	13,
	13,
	0,
	0
]);
var clim = new u8([
	16,
	17,
	18,
	0,
	8,
	7,
	9,
	6,
	10,
	5,
	11,
	4,
	12,
	3,
	13,
	2,
	14,
	1,
	15
]);
var freb = function(eb, start) {
	var b = new u16(31);
	for (var i = 0; i < 31; ++i) b[i] = start += 1 << eb[i - 1];
	var r = new i32(b[30]);
	for (var i = 1; i < 30; ++i) for (var j = b[i]; j < b[i + 1]; ++j) r[j] = j - b[i] << 5 | i;
	return {
		b,
		r
	};
};
var _a = freb(fleb, 2);
var fl = _a.b;
var revfl = _a.r;
fl[28] = 258, revfl[258] = 28;
var _b = freb(fdeb, 0);
var fd = _b.b;
_b.r;
var rev = new u16(32768);
for (var i = 0; i < 32768; ++i) {
	var x = (i & 43690) >> 1 | (i & 21845) << 1;
	x = (x & 52428) >> 2 | (x & 13107) << 2;
	x = (x & 61680) >> 4 | (x & 3855) << 4;
	rev[i] = ((x & 65280) >> 8 | (x & 255) << 8) >> 1;
}
var hMap = (function(cd, mb, r) {
	var s = cd.length;
	var i = 0;
	var l = new u16(mb);
	for (; i < s; ++i) if (cd[i]) ++l[cd[i] - 1];
	var le = new u16(mb);
	for (i = 1; i < mb; ++i) le[i] = le[i - 1] + l[i - 1] << 1;
	var co;
	if (r) {
		co = new u16(1 << mb);
		var rvb = 15 - mb;
		for (i = 0; i < s; ++i) if (cd[i]) {
			var sv = i << 4 | cd[i];
			var r_1 = mb - cd[i];
			var v = le[cd[i] - 1]++ << r_1;
			for (var m = v | (1 << r_1) - 1; v <= m; ++v) co[rev[v] >> rvb] = sv;
		}
	} else {
		co = new u16(s);
		for (i = 0; i < s; ++i) if (cd[i]) co[i] = rev[le[cd[i] - 1]++] >> 15 - cd[i];
	}
	return co;
});
var flt = new u8(288);
for (var i = 0; i < 144; ++i) flt[i] = 8;
for (var i = 144; i < 256; ++i) flt[i] = 9;
for (var i = 256; i < 280; ++i) flt[i] = 7;
for (var i = 280; i < 288; ++i) flt[i] = 8;
var fdt = new u8(32);
for (var i = 0; i < 32; ++i) fdt[i] = 5;
var flrm = /*#__PURE__*/ hMap(flt, 9, 1);
var fdrm = /*#__PURE__*/ hMap(fdt, 5, 1);
var max = function(a) {
	var m = a[0];
	for (var i = 1; i < a.length; ++i) if (a[i] > m) m = a[i];
	return m;
};
var bits = function(d, p, m) {
	var o = p / 8 | 0;
	return (d[o] | d[o + 1] << 8) >> (p & 7) & m;
};
var bits16 = function(d, p) {
	var o = p / 8 | 0;
	return (d[o] | d[o + 1] << 8 | d[o + 2] << 16) >> (p & 7);
};
var shft = function(p) {
	return (p + 7) / 8 | 0;
};
var slc = function(v, s, e) {
	if (s == null || s < 0) s = 0;
	if (e == null || e > v.length) e = v.length;
	return new u8(v.subarray(s, e));
};
var ec = [
	"unexpected EOF",
	"invalid block type",
	"invalid length/literal",
	"invalid distance",
	"stream finished",
	"no stream handler",
	,
	"no callback",
	"invalid UTF-8 data",
	"extra field too long",
	"date not in range 1980-2099",
	"filename too long",
	"stream finishing",
	"invalid zip data"
];
var err = function(ind, msg, nt) {
	var e = new Error(msg || ec[ind]);
	e.code = ind;
	if (Error.captureStackTrace) Error.captureStackTrace(e, err);
	if (!nt) throw e;
	return e;
};
var inflt = function(dat, st, buf, dict) {
	var sl = dat.length, dl = dict ? dict.length : 0;
	if (!sl || st.f && !st.l) return buf || new u8(0);
	var noBuf = !buf;
	var resize = noBuf || st.i != 2;
	var noSt = st.i;
	if (noBuf) buf = new u8(sl * 3);
	var cbuf = function(l) {
		var bl = buf.length;
		if (l > bl) {
			var nbuf = new u8(Math.max(bl * 2, l));
			nbuf.set(buf);
			buf = nbuf;
		}
	};
	var final = st.f || 0, pos = st.p || 0, bt = st.b || 0, lm = st.l, dm = st.d, lbt = st.m, dbt = st.n;
	var tbts = sl * 8;
	do {
		if (!lm) {
			final = bits(dat, pos, 1);
			var type = bits(dat, pos + 1, 3);
			pos += 3;
			if (!type) {
				var s = shft(pos) + 4, l = dat[s - 4] | dat[s - 3] << 8, t = s + l;
				if (t > sl) {
					if (noSt) err(0);
					break;
				}
				if (resize) cbuf(bt + l);
				buf.set(dat.subarray(s, t), bt);
				st.b = bt += l, st.p = pos = t * 8, st.f = final;
				continue;
			} else if (type == 1) lm = flrm, dm = fdrm, lbt = 9, dbt = 5;
			else if (type == 2) {
				var hLit = bits(dat, pos, 31) + 257, hcLen = bits(dat, pos + 10, 15) + 4;
				var tl = hLit + bits(dat, pos + 5, 31) + 1;
				pos += 14;
				var ldt = new u8(tl);
				var clt = new u8(19);
				for (var i = 0; i < hcLen; ++i) clt[clim[i]] = bits(dat, pos + i * 3, 7);
				pos += hcLen * 3;
				var clb = max(clt), clbmsk = (1 << clb) - 1;
				var clm = hMap(clt, clb, 1);
				for (var i = 0; i < tl;) {
					var r = clm[bits(dat, pos, clbmsk)];
					pos += r & 15;
					var s = r >> 4;
					if (s < 16) ldt[i++] = s;
					else {
						var c = 0, n = 0;
						if (s == 16) n = 3 + bits(dat, pos, 3), pos += 2, c = ldt[i - 1];
						else if (s == 17) n = 3 + bits(dat, pos, 7), pos += 3;
						else if (s == 18) n = 11 + bits(dat, pos, 127), pos += 7;
						while (n--) ldt[i++] = c;
					}
				}
				var lt = ldt.subarray(0, hLit), dt = ldt.subarray(hLit);
				lbt = max(lt);
				dbt = max(dt);
				lm = hMap(lt, lbt, 1);
				dm = hMap(dt, dbt, 1);
			} else err(1);
			if (pos > tbts) {
				if (noSt) err(0);
				break;
			}
		}
		if (resize) cbuf(bt + 131072);
		var lms = (1 << lbt) - 1, dms = (1 << dbt) - 1;
		var lpos = pos;
		for (;; lpos = pos) {
			var c = lm[bits16(dat, pos) & lms], sym = c >> 4;
			pos += c & 15;
			if (pos > tbts) {
				if (noSt) err(0);
				break;
			}
			if (!c) err(2);
			if (sym < 256) buf[bt++] = sym;
			else if (sym == 256) {
				lpos = pos, lm = null;
				break;
			} else {
				var add = sym - 254;
				if (sym > 264) {
					var i = sym - 257, b = fleb[i];
					add = bits(dat, pos, (1 << b) - 1) + fl[i];
					pos += b;
				}
				var d = dm[bits16(dat, pos) & dms], dsym = d >> 4;
				if (!d) err(3);
				pos += d & 15;
				var dt = fd[dsym];
				if (dsym > 3) {
					var b = fdeb[dsym];
					dt += bits16(dat, pos) & (1 << b) - 1, pos += b;
				}
				if (pos > tbts) {
					if (noSt) err(0);
					break;
				}
				if (resize) cbuf(bt + 131072);
				var end = bt + add;
				if (bt < dt) {
					var shift = dl - dt, dend = Math.min(dt, end);
					if (shift + bt < 0) err(3);
					for (; bt < dend; ++bt) buf[bt] = dict[shift + bt];
				}
				for (; bt < end; ++bt) buf[bt] = buf[bt - dt];
			}
		}
		st.l = lm, st.p = lpos, st.b = bt, st.f = final;
		if (lm) final = 1, st.m = lbt, st.d = dm, st.n = dbt;
	} while (!final);
	return bt != buf.length && noBuf ? slc(buf, 0, bt) : buf.subarray(0, bt);
};
var et = /*#__PURE__*/ new u8(0);
function inflateSync(data, opts) {
	return inflt(data, { i: 2 }, opts && opts.out, opts && opts.dictionary);
}
var td = typeof TextDecoder != "undefined" && /*#__PURE__*/ new TextDecoder();
try {
	td.decode(et, { stream: true });
} catch (e) {}
// ../sampling/src/kernels/generated/wasm.ts
/** 28351 bytes of WebAssembly, 9414 deflated. */
const simd = "zV1Lb1tJduZTEkWJkkjqSYqse/Wi3pQoyfLblC3Zlm0NMJtZBWhjxkiaVre73U6CwDNwI7sgmyDIIsBsOr1MgiwCzDSQVYD8igTZ5bFIFgmQTRCMgHzfqbqXdXmLarm759FuklXn1rtOfefUqXNLieeffZRMJBLJf0nmP8i+43+JD/Lyq/9LfFAxoR9b/3WfluyHIXW+T56fmOfVy54nPpjsKTTIVnbREx/krNYOmlDy3QfjVjf001QxmX7x8e8NfPTio1ev/yCVTn7+eSY9Pobup1KZbDo9MJgcyg0P/lGqkP/9568/efrhxy+ev24lUrnffv67n3324fOPW4lCMQz/4NXrl5998vyHLxKjhR+++uiTV5+9OPnwxfmPPttNjEQJrUR+9LPnH31y/kIXuZsYnojEj169+Z1EbiZCe/Dh6xc/fPPhq4+fnyeGJiOPHr5+/qMPX3z8JjEYKbaVGIgU25Jis5FiW3axmUixrbDYdDBCieGf/mNy7POJ1MC74bepe/F/KtFOviwMYQDTmezA4FBeZS5yqYSnfzPeiEq21UsvqVLt8ZdeIn1PpVW2o/IqiR8/c5HIqIt/T6oRJE9kqvK9ePGvSdD4nc8kVAr/su1xJH6iEirz+NPMO5XIqkzezz4ZTeRHTJUZVBmpyjSEJedSQ94oqkZj7Fq9gm7MqFQ7I98NXbkq4Bet/MatGrxiq+R3xCs4WjfWv3VjbF1BSGX53jAP+rT4io0eeM9Gy++4N+Zo/Lhu/Ji0ZFy+m6aNrg6N61b+EvqU/YZ9kt+yN+7o28T79W3C9E2n1Jy+F7DZe/X3il3OfMsuy++MN+HoelF3fUIaNyTfhwFPXnE4imFnfnUjkv6ORkR+q17RMTKlbz8ype7IFOVBRr5vBWvkuxitKw5Yqg9+mwHTAzVkBmrEDNS4GaiyGagZsIsesJL8Ki+PgRvtGbhyIBFIYQWJzL2AVRyDqUchOph6FKKDWbb7rNiA3vHUUxUdTz1V0fHsI5veazyTgVwc1QM5iIHItlVHpZ5lwiEZ5gBwSEZAYWSckXw74w0g+QBEbeoNk2fUQIeF+QU1rAZe+kMycANquOPnpAjTbvyiqILi83HFRwKzZBE+yquBdqbjDaBxeZkDfwB52JsBJMgjC1voZfkc9aODT6StgyqLf4NPKkif7Ojag4Zm2S+roVlpqBpS2ZfSyKwa6lhNNO3Ish1SD9oxAF7QrcB4amo+/9fTqYl3uStqIMkGBnrADPiUYeRpMHLmJZ9kmCATU0mm0DiMq+6MmtaNZ5s5N902d2dc5jvL+c5ivtEOD7KGoxTRSqbCejFarHdQt49czfaxXUPyPMcHQ2iXXlszPe2bQftyrhahreGwSvusrnCinI2/ovby3q0fDlufbI/IA5mPEdOtEW+2f7ey4ODLujULQt45Apd2+H2Vn++uz1qusM9J9JkPsNIbwEk9GOPeXM9gzKH5o84eXn2YekYqq0a+65EKVapfwUgFongOD8ryYIwPymYIy16l/xBmVeGbD2EFtDHnVHzzwX1f/e3XOb6BKK/gwYw8mOCDGTPwM161Z+Cr6POEc8C+oynpmZWsGv+VzkqoQ/5GzorWtDgryXZVHpT4oGqmq+rN95+urCr+kqZrHuSSkyd+SRP5vuptVysY0nMpU5YwU5aQKdNzKVM2FG4VOGV6LmXKgj3DiEyZnkuZskAnHpcp03MpU1Y2U1aWKdNzKVM2A41Yz+V8OJeTei61TlP1aqKU84GwnjKTrMCacZ1GD1Tv+Fszk1XlbzszZAzDD9HZUDU8mQzyGPVK5/kmDNhls5ATv7lCLhM9GE60jNxQRC9ntwahFgca7jQojIhePtVfLwdzQC9H8VSqRSUnoWMIWs03HaICPI2RFe3cKP2G2/loyqGjTxsdfaqvjj4DHR0qNweLWnowMdLkPho6oAw6OlqoR1eibHBk/ekW9WrrbEdUW//zodTs29w7lDJ4robOUZe/iK0C8VIttpNvOt4iSkm+/NuLEg2FJjSi0iY0iqepl/5SO6HwOa1cTHB59ZJgH+slYTjwjY2dyp77SwgW8Sj1BilQ9GnFX2bBjKJORFc63hqGI6eGH2EshlSOTcX+IKcGX7EdJYY+YqjchnYvIzfEpBk1BNhgrJ0585dkSNTQ6acVH01C9xrgufzFCOzqkf9UGmUF5M/v4use/uduFwPTCIf6P5MX/5H0py/+l2bInyf9GWzL4mWVMLy9eeaZZ4x5ajA7/QxmBkfGslqMZZxkxnFmnIKB5mfJi7/h/+3UxV8l/dmLSqLjraJLCGHDt65WL34rnbj4QTqR9Oc0Od3xN3Qo1fHT3cezF6PcmMGonh+fKJZmZucqAEKso4v/S178GzqJxY403LiNjBbGypNT09X5Wl1V8FDAiCw3o1bUegdfqx2rZMQ3OuDAFYs456xumbmXI7mriEvuZYtYd+RWao25V9WaldADUXLbRN+RewE4WzNdnUe3ZxVaeGlnMTI6MqN7PonlJflR0rTyFGqJ5V8wWRaYfxrAio7EEimTSCERpltHJmM1Tqol8HcKDIKHWNdZCftpxOqJQ27lsXKQQgjJwxR01aF2ihSTp546TA0BGiyUyLWx9nMCDX8IUfmu8VZNtYEvWIfJdvKkUjlG9gEuK7P+V0IkaACWdWhVA0BSMunVvqYBwCatI30PaQMIP+FtosWZcz+J4BZL6mJCGiklipoQTXW8DBY6ZooLvYwJKKvZcx9mFi7S8mkFCDirSq/At6r00RxwIYnkAEcmT6gVx4LLortAC6QhWlAPAFpMAS2AnsTGajt97s93/BrXpL8NjoEU8JuanziJ5CWG5Ynyd/QTsXaA2zjF/q5ZyHtcyGtcyPuq4WjLtkK5zEkeJWNIuT0lsj6/ZUo8YInrLPGa2iSmrPYrNmgMi+otNqjO3zbFNlnsBovdUVs9iHMoiFPDcCIExKmj4+E6u67JQBylQ0Acr/v4hmMZ3sTk17lea9Z6vYU4BH1aeRbxtiP3HbA2cqciue8iTjUhkvueI3cbwgK5M5HcR4gjdyaS+74j9wOuZ8Fq/1g1MaAaSw7Vnto34R11pJA1tuAf8OE+F/YDrvIddVehfbFkbSa7y2RtIsM9RttIfUthLGKp7/DxLaa+owu9rjDgsWQ3mew6k91koTcYJS2gUBm5DTVlvgPtd0/tXrTVsTpUB+pa2Kl9dddkuKtruqWuG8J1lrlrIrtGATzzd5G/hZJuI9zSY8lxZOPYMAzfttSzg54io4jdHTQH4RssRMpD3u0o13I+vKZqIbd0lGUFiwS1h2kZl7Q7qgIoqGJFUC+qYtKop1WxRnbRvlEOVLDw+NHrhjWxZD5FemAGC9CQKyFirQ4RYAmgBF0hpA9TI6oK/QtVBTkQQo5yHgkFnYWCnDM6hCxVNkloChhNTPKSAtezhOtZBscA7g+CNf5cDZrwf999/qnKdR98qvJ2ZMRONmo/GbMj43ZkwsqD1k5SD8Nu5zdXHkx15UFF5MFXfjA8icSX/pBIh6/87ih96ee/UMNf/BxN34Z6jkhBIk3qnV+ookR2QnFSYW0VLTbwcwaNRcRGhUrmvJqi4BCEdAmc+b5q5ja/ssQirf6FcqMVyo09p9xoyk5uoBNm3H8f8bCjc1P1Dws4NAVcDwXBjZgguCmCYB7dREgEwbwN4EI2ggChqCC46YDT24EgmLdw945LENx15KaOI4LAzt12CYIjR+77gSCwcz9wCYJjR+4TCAI9a/5DAV2NkzeAS3smvKceKGSNgfEJHz4gzJ1w9vdUW6F9sWT3BfmZ7D6n54jR+0h9BwAcTy1y4k6Io3uAZwx4LNltaRiT3WahIhduGeQ253CYlJZIgIfqhiUBdtEbyqZAMgE876CrmsDjOrCsjrQCCeC1IFJq5JcqFs88HogCy4CGxYoGTSFo3bWi0VEoRnE9gGQVIYLiBtRMhyVWZQ0KjJpCGYgUKoRIoUIxhV6HosIe7mJw0eQj3SERpCIPjezxdmlh4DLpqXU3qHW3t1YQemoFxdTaB9TzGl9xommwFGBoQlshvm5rfK0ACPER5GxqfLVJOxpfbdKu4GtL4ysJe1F89djSLr76HeySUip9juRs1aIaJBLuqzx/DtQYf645EHjppU8jDxF4GRhqMPhLbNk19Oa/DPD2EEe4eDCqSNKoex3nyCBNCElj7w1gbx311NUy61km9tZVnaC7fMroGZA3pZYEeSvQT1L9UNZvcF55YA35cw1wajQMyLEDHaMGA0GURT3rqbdqgBugrKrI+qZpCmHsCTp+Sowx/B537AZIV/G9gByqrquNoGAa9Koad/uWHdsROMpmvVL2hlqJlB3Cet/iYzuDnuKDqqX4lTzgfNMhRdaNxLhJidGkxLgFiRFPt2HS3Wa6Haa7g6UI0bTtSLxiEt9l4l0mvgd4iYqhhoihNJqFENZRRoegGlACI5QG6MTL9hyi0HMIVyguFS+lpjJv1U10EuCDLrShr69ctC/OLs6y8Sx57CtuAj8EKz3o6tDHdRhwDUjW4XtgaQWWzijLJHMkNomv2XVQIPVIxGPkA7EWIZ44cj9Ebp+5fSvhI+QGsRYhPnbkPkXuBeZesBI+QW4QaxHiU0fuZ0CEaS0mz9Q9CKUnCsliYukZJcwTrsRnROJb6pFCW2LJTpnsEZOdclk/ZvQUqY8hSeOpH/LxMVM/1IVesi87CvZlGH+RzlqUkcJfOrFA1z2DyDtl/DELvIPHRjqb5GtMtoZk9/DwiXpkyI906mOIGU2guBGBHkT4u8rMqxivagfMl1aL5PAMf7BX5U8Ng44fnEIoBenhq1MYzqE8aB6dqqCEMxQQsCsIDRAaIAjnkrAGwoqYdmY0LKCmVSSLb85WHJuuNdUgPbbpWnVsutYFocUMtWYOANZl35Wi3ZBVXnXfxQK0jJWQ7LskJPuuZS13hSD7LhwbdFBVkAMhve9aDqxioMi+S0Ky70KTgn1XlgPDUQlbvxpY3VZNmWGNIGhJHxYNipH02NZhbxApqBGa73oLAqGnIFC6BYn6ES1rJSgLDY+WBUJPWbpvKCsvwtOr9+gf+f8ppFbejrzTSgigxigcQCoT8kMlZEErIUfQFvAR9WJRKyE2aUkrITZpWZQQ7BuphBwh2IgqISdIaSkhDzveI1sJeayVkFWthKxpJWTdoYQ86SohTy9XQjbiSshmXAnZAmIfo55j9ZT1PKUScqyOqYQ8PWWUSkhaPRElhGup74mCX+Uipw8bVvC6ktgWY1iVOrbJGE7hqP8G8hwHSJYkT4kkT4sk57dLCSG9nxICRdwqWD2wtQRH2TElxFF2qIRAOY6U3aOEOIqPKSE9xUeUkAqVEM+1tzb6Qo36wiL1hW0Y5ePpqiZdnemWmK6JpQElZMGRuGISKyZe1kbRRo8SsitKCFUPhLCYqI4gBCXkSIeghNwXJQLADfitowltpVB2fyXiAGm3jbJwDTmaJnyIfMbW6F3vDrOWrBzgaTPApzLA/HbxBuku3vC2rTJttnAWG2MLR7HCFl4zUmyEI5wlxziip+SQI8Qwcyqn6hnL1KzuQ5peanCgkfmE+/sT28iMfCAeRYjGkhjJzU3UQ+Z+aCXcQ24QjyLEfafdOq0eMfejiN36PolHEaLbbp3C5hcK1Q42LcJFFOiH2M9cxY6MZLRQ9zEgi0GABmS0OzAj7DMXi79No2osHzf7GCOz3UeyG057A20LMAwY64Iu/kZQPBWgM0aa6JJeHujSdahKNFCHdmBJso0keh1JkkP02jY+gEBjbtcAEbVHswjtjIDtMFEbPPks2MQzoKXoUy1FhaCl6FMtRYViJHIKCwRQn1GPufrT/Elj/vAD/ZI/96GgnVJBOxUFjcLCO+4Vuv80llp6WzBC9z58CEqQpIHoXQpF73IoelfiorcRF73QH3tJayJ617uiFwZXW/Q+iopedODUFr1PtOjd1KJ3S4vebSy9iqp2RW/l3H/aFb3PIHorXdGLYET0NuOidycuenexxB+inofqGet5RtH7UD2k6H12yqje/z8V0ZtWm5fs/2vCZJx9BUaSGNkC8nBLx3YYq4voVQFm0bujK7/S33L/r1TdKljdt2Wjo+z32v/DChspu0f0Oop/r/3/PEXvkkNKKiMlPUrJBqVkC8Iynq5u0vlMt6pt2usUvU5buUm8YB2cbvSI3looehHCknqgQxC9xzoE0Xui0l7Ksbev4aR7DiCCwcKkAE98tK+t4Bmg5TK2WXMykHNc0DWWQGbqfpDkQNgPqY7UgcYQBjSGPNMYIgSNIc80hgjFaOJ51N0y8vwALTAmY8j8heAc0TsE/x+B/6GR24etJ7Apf83h6oO4mLmFfCAeR4iuw9UWcj9m7scREXdC4nGE6BZxD9Qpc59GRNwJiccRolvEUd4cXE2gHXwTgQZeYgXus1QRaWICFpF2cNlZqog0OUvlIagWaXIMGjkTvQnPntrF97FDn+K8iAA/C3jnDPmFdxiI8I4QIrwjFCN/YPARvg2lf0QOXkPnInIwYpWnDX0WeA90vw9MOFNYKN8LGvS9wJbOQKRBQog0SChhg/QSkgb1ym5UeF+dwX70nVQkq5QV7evDZxZ/pgGPNVhja2pgoGdse2sQSijb72vZ/oTw8oA/OMPhD0xM/DmBbD+ibD8S2U5p5D0U2Y4DgI5XEdn+J3U41dR7nWrU7OtevxoK8OD0NJDzENfxQ9PYOepG/Bx1U+T8VvccVU4Mvu4cdU6fbGopPtfjVzMnfjX4jvvVuM4ko3419MiN+9V04BNHa2ATM0mvGuOSEpGjfKICBdyWpPbZqBxx7jlPN+mXEZegPeWxNlPefnjieSAnnhA7fQqNyU2r0KAy259mU28dt51bRx6jytYR56XWMeq1YPeI01Wzo4TAu3RfchicmNpHmdddTjZugWFOTO3ct1xONm5vHHNiaue+63KycUM+LWUwHoS+NFjaB6HTSfcwtXmJVAhlQvMSL5lQItiAiM1U8xKYD0Aeia45d0GHJhHPljDjOkJFMxKBwjvb9UCxPUlsrxENSqF7iHEsiZ4azhFk5n79riDwb/96CBsA1uBjQ5hNMhBmkyIQNuCCsIGrQdgUQlOPAgjrdQUhoPVxBWnariA7tisItyOzqA3ehpwgQbpZjXRVbOwM0sEVRLDOHES9jysIOcV2Bbki2NGVg77hPdmuhGm74gYC8dR1AzHZr4XodRhDr+sheiEE9PJs9LqhycYJBCGgV90CpT7egHK6FcUfA2n1K3gDIncUvUJvQDt3P29A5I6iV+gNaOd2n8t1wWrfAqvWFXAIyW9gfC4HHiiyXd0OB/fGneIaACcAy9Ylx1qhs2HrCugZBcZIxa1+DhwGvywHDoNftgMHF4e2ekTwC7tK4L7AybLYP7D6Q6+HAFS2Q1BpalBJYPXjY5wdBFRs0q4GFZvUElDZ06CSQHA/CirgUxtUvA7PO7r2jwVt/zjQ9o9r2v5x6ICdFVQLlqfmtAjgMMBD+4fGm67943rc/nEjbv+4CcCpoR6c/bGeRQJOTdWINIunjGr7x4rATQLblf72j9XQx2EdKrrEyF0A72s6Jt4Qq1H/B74b0zUiJL61/8OqVTDc/C8v+73sHzhOjJTdY/9wFP9e9o9GHuLY5dcQ+D9shH4Nt5wuDau2/4O4NNBzCpjcdCRu2P4PLe3/sN+DwGuCwDgpBqrrowcJUR7qUB//hzVsSCCzaPvYMI4Nq+LY0DC2jzVRVPDeCI4JtcSI2T4awnpIVQ9ONBnQcIB3ibj4haDhYFHDgVBC28eG01HituUoccf4/nBiLFCft00hbjgXqUHwjzpYCJzbRDeciyCKug4aN4uoR6DLzQKaED0qUhGPilXtZkEHjC5x3ZF7Azvn2xAbq5iXOE5vGDTm8WFff4eGSURnBbjIdCNS8BWkxK2rSIm+tfgN2GDXYO1o0NrBN65g7VgKuGUp4BYGItwihAi3CMUIDxxtd4BuKXiaiFcEfugVgR/IbP7QHaLOHXldduTER6/WI2zyfzGcyr+bfatGiZVzTuu6iJISxAA+xrouosQm4Xg3cGsOBQbeDqW0YMGTakDOpVVODpjBvxOqSOzm/SEjauLcr2ob+QiyzUPTnPjKH/hSDZnDZ9wd8iWUz+DYOS38P8/888R+nI8S++dPGdXYXxXsL+E4+Wts33K0DDbS1m45dq6pjCzMLA4oS0BMlXHAu82ieFnTvKFqjM7QHfvl7WUhvNuK3HMalSV7DR4Kl5iKZfdMkzJsXS4rca3XpAx3hSbMYho+FmCR8kx4GyykYDJb0xiqAVQJgE7xkQDotA4BQGd0CAA66wBQ5aB5qgTObIoJzEfDiKTxBhcqcmZZ0c7k5PJpvEkWQgLNcjOWwdWBEItQM6Y73NjYp5R0eyBx5msss/DJMG8RY0PANx9cttOlriIbf7ioT/wib3nI22uYogOxWyO+RBxZwGOE5W4endxjMg9NgFE9xXfoOPiT6A5GfpI4wRfrIHRmLTOa7M05qIUKqjkDw+3o8SXBE0M99ZVx4UAWy7eSYo5MaNx84BujAq8ZFboHIaShh2tKEkkpgXoR+CjRcwl6r3GpoYeRMxkWW1AwQuJ3BI8itJDN69YQNKNuUocNBCFojXHeAcUA4TjGrqegWlBQUG1YkK7dLgiUwAuIMOKlZYgnONoTApH/PJSaeZt/pyGSmrUGRr6HrUOzGiLXAXz4CB7yupQeUkUgshqFSGz1DURuaoic1xBJ9bYXIltdiNzrgci6DZEKq4keQOtqj/n3CJHraAYgcu+UUe2Z0zKeOfOXeOaUyKJ1smgZoCYx4Wtglij4hDl0RGAu5nwThUjYjrsYVwbq9c0bh0janXcsiCzB+8v1urD9ivAcoc/HK7uO95FNuimmqzDdAhaZb2AR6APPFx32gHk+Vm3Vhkg/9LFFCFyypUOASCIqQoDIJvc+NMijsr6wt9Adg7EOAIRjwO8+46dBKs830vtlcw3dWDh0Hl4+93YFZ3fJ+9hMdqFxWd46u/Qd4QbE5BYtDxsWpOLdZtXs4GvbVu4cudfQFrx4vw8lZkGPC+EK/pT0koxh6hoxdSVwHUWyZecLxVSz0FajaIVuE4uoQk8AERFV+AZufcvnAdzBxYCB2AddAIMBDRh7GjCEoAFjTwOGUMJDkR2te22SHzYxOGCGTYwEOGETowI22CWO7AqkcAV6673o8sfDqem3owZd4ESABdxVw3hlkA4Jbrz0N4Ac+Aig8J6UHlJNMKYexRhYCgzGNDXGKI0xHjihpMpdjCmd+/tdjDkAxpQsjPFtjFkAJ20i/6Y6YP4DYsym2iTGHJwyqtWwfeOCAN+BvhgzGcwLVp6H17LN6+HQGYkxuEcDzI7xuIoaBv23CxKUn33zxhcKdectC2MmqWFXHAs3OGuZIXrMcxu6CHyIp5s06WaZrsZ0S4BSC0emBEd2UA1C5BIdAo60dAg4AuOM86yeB2hFMLf4K0+Dz2dRH4AGykNRzuiLHciWKec+dVnmR3a6y5rtGdBsf6DZXgia7Q802wsl3KfOQIXRCLmMmpdMeAVMQd0euzFm2cXOP0SEBg6lW5cDxCK1rw6+diwkWUJ8j8SWRVxz5F7HKl8GtuBZDCXWiRJL5Kx1gskyNmIuzBE9Tt56oYLmS1SMQDpK5whs4hYJ3YsazHBkrofyGtLIUDIQGUohRIZSKAZBpsz0AaZWZHfX3TViphahA2yQfbdgpsFR1ndSoXAKK6RT/CKEwKGcEH/rklOEP6r7wEQqqLvkaLyNTHZuYg7By+gL2FIQkFDhbUoQWmrHKwkY/t0QdqOlt7B/ljUgVgQQ/RAQ8QKWCRnvatueabyrbdKyAKLsYbuAOBkCIi6tIZo1NCCugneLqtQFxKLsS2m7DPalRQsQ12xAhJbnpeRem+6+FEga3ZfCGmVskjCJ9AXEevjChILRQ2JkW8A6AVEJqOEmyasoXbg+potocLTqnzcOiMgL33prW5uHwudyCQ6cncTYJ/7Dm2CL/jvYrdB1eFv8jENA9IxiVcYmRu89JSR7Twn12Xt6AMMJDYYb4gCyxd0RuNtTE2K0m4C1Q7tIx8AQHmKa7eeC3QcDkU2DECKbBqFYRrtNA4BQj0In5U0wxJyA4Zze01q61lZ0T2te44/AGRVI7GlxeYl97YvsBWVf2CUa42wk9w6E8QamG89iKLdjMIaefVTogtsCIokiJ7Z1E+FGAG2gBeH7KBwwyHN4wCDcT/Ug1oJBZCAyiEKIDKJQQlsW3uIAL3L7iy+9/QU2cuaBWNz+dm1Wsqq8lASLpBYFO346nJ7DyxqZH6tBvZ/q3tEUYEaBJ3oSct7IJOhhk3D9WS8J10rjuyQIIvc24VJg+5CkEVzjhJoQXcW9TWCB1LkBHO7LzCVOuHIKn9y5v60dSwYAMU08zOJwZMc6gd0lDackLYu290UYEfSZhAWglzZFv98e2jSYcgVNWFFNNqFJlFpRK0Sp5imjRCm4FOutYXzBqGRf1MoHt/R4rq0Zn/oj+hKxPJBVLugCyDqSZgBReFkJ6LMZnr0iKQUMSPaJLEriy0oa4hDHK0p5WznjLVFY+AVHJSMm3QjTTTAdJY2r3TpdnumKTFdFnXNmjeO6K6iIOjyLFlZNmAyNQzDscXCUUcU+JHpIMRJuIBEC/yZ1CDi3pEPAuWXM1JbAh4Ubc9RwutGKY+Xj8gXebpTmvVlhwnmqPB3qFxbRmIQiuevIvcrc9g1USm6kQm6b6Dly+8i91nvZ1AJygwjFzCKOONU/HIhicBcwAm7dLFDFkAh2S0cie5eHOnSEl0tLwXyZNJ7HBjdOLSY0nqhqElV7C47WYvEiODaFCwAhEriqRDLJjdVUtkcMNDYDZRsEDY3NQNkGJVSrsLnkHnOdLANVgPyyxJ8luS4MKs4Wjfxb7fQjmvm5mL2V3tus/msgPQYbVvLHcq0cVIEAEodDSCSuAuxmgF34CNjxSvUeEsBU7rhD2hDleMUkIE5OEMCyuNFP3zxHu/jgue9pfMsgoa8Gv/IXukAWRacx1X0khPHQt85nib72oRPnObzdiijhagbnT/3gaqYvXOWCP07hTTiWvTzl9Ya4ZXPYdTseMCpHGYCTs3DGc1BCQOqi0USAHhNEjxGiR9F52V7OpMsx3SjTlWj9M2hSRlUlE54EQEBFBaZZelNO8IT2eYRoJNYh4ElVh3joGdwZ0E7JfS22/lHC0qh2oznH4pzACqrwCuxZaxUXQZzv4Av3PoXEKUdubsXLaDeexZbWtFlAFA1IhIsMHYkmTCL+gQq0T0dyesmFA44JSMHHCNoIOUM0jFygjeTMkvMDbQQEveT8QBsBJVxyuKgSLsm0yQsicEjntDfeHG+CmpdzNfO+qOWENkjqoCy4H1F95gLInuJ14jftf0h02vc+xbIZgtAfaA89hTn/Dfm2fZcPOu2/TxI5uVDSpzD7cDXpR+17L+n+8YaLnJICiw5FJjvnnfxf5tPVd8m36Z+I34YPVeScxiO4J2BNQ2nAOkeTJCdfL8aWFWuwpkYRG+SFkSpnN67jz6IuNDCv8mygzx1YByxH4wgKRbPK52GbxLfrczSaO7U0uqL74S/xgHyEZ5WAh+ov8oCkcnus0/7kUwxiQf64zagaIw+mEVCveP/lBK8L5Z+4KTzCNRtq4iUqwiDj8UdUneBCUlDg8AUMToF/uKKM17M9MDRAyZuSTdcU5hABXic61XlKf/JTuuQtcBKReBnjkDjFxap1Ogq9UtXzThbGJnmYB3sC0ZC7oGEmJ2cnOel8UY20UyfIWDjGY2qUJ6/huJzntRsgsCGr6GcZLaY+vCaYi4XBAStisNfh71KUkhbR1hIOcXB1KzUwBB/jr0fENzMb2POt4HFJreBG1AZ2xsjIP+NRVOvi7aLLk6tQS8HfAJCXZzeMNoysa2ZDjXUHub8hr5k3eO2pUOl5nXvplUQXLXGlFHB+4qOFfAce+VkB37M/pXKIy0exvxqpYBCW1Qq+F/niTPIlCmEOvH6KUcDpdf6ALQr38ii6CJiZVEPjSRz1TAbjpcq/GMYLnfhrCHm6pQg0kEKPlJHMT+5zEJB8LQV79aZFgTdRB/gv9C3cDsvWl8Co+nbYSVWCAZIr3KRDh9QW4yUuT90i4QHUi9Q0PA+Ps9j2+PcMDYeImsZbZ8YBa4jITZi6xWgeWeEedv15mWQ9rfzTH/jHyS5KU71N/cOTajYS48lasSeWgcVVrugDtr6TcFBC6M/+FN3EJixs+Ar7COqWPZjTQeemJQ17BmqBCTCqsl+SdDOkzOjeyns88POE7Yi9mEdPfTFdIURmXQ54e+oYyagQhLyNvQm7WJAurmDiCB4FdLGBTumlsgz25Q8Y2i9yCgpe0SHbPJimzVw1yL5g7ZB9i1iOOAjAXPHFBb0swz9rYVjaGoMi7ngwvFwkLxeEl+keJs0sgCEHNVfDcE2uRrGcJuFqcLhwdQoz1cPVdeHqIt/EFq5mDnB1ABMxxh5ktzGbA2BsjiUHQgbYsAlsszjElaSjDI6KQPh/";
/** 27773 bytes of WebAssembly, 9345 deflated. */
const relaxed = "zV1LbBzJeZ4nyeGQQ3Jm+JzhsLr5Gr6HHJKi3hpK1IOSaMAXnwKsYAvJDqnVrlZJEMiGDAQ+BMghCIKcF5vcDARBAHuvAQIEQS655JJbgMQ5JJcck8AE8n1/VfdUT9dQlFaw7TWnq/+ud/31/Y/6u5V49uWLZCKRSP5bMv9J9i3/l/gkL1f9v8QnFZP6ofW/ztOS/TCkzvYo8yPzvHrR88Qn412VBsXKLnrik5zV236TSr79ZNQahn6aKibTzz/7vb4Xz1+8fPUHqXTyxz/OpEdHMPxUKpNNp/v6kwO5wf4/ShXyv//s1edPPv3s+bNXzUQq99vPfvfLLz999lkzUSiG6e+9fHX65efPvv88MVz4/ssXn7/88vn9T5+f/eDLncRQlNBM5Ie/fPbi87PnusqdxOBY5P7w5evfSeSmIrR7n756/v3Xn7787NlZYmA88ujBq2c/+PT5Z68T/ZFqm4m+SLVNqTYbqbZpV5uJVNsMq00HM5QY/Jd/To78xWiq7+3gm9Sd+H8q0UqeFgYwgelMtq9/IK8y57lUwtPXjDekki116iVVqjV66iXSd1RaZdsqr5K4+JnzREad/0dSDSF7IlOV34Xzf0+Cxt98JqFS+C/bGkXmxyqhMo++yLxViazK5P3s4+FEfsg0mUGTkaZMR1hzLjXgDaNpdMZu1SvozgxLs1PyW0ezqnD+kxS6+MFd6r9kl+Q65BUcXRvp0bURdq0g92X5XSfV1defpC7b3b737K5cR70RR7dHdbdHpCej8ttgB2PjGGX/Pv5Qsh84FLmWvVHHkMYuO6QxMySdR3P0rrDTJcd4+WFmvuUw5TrljTmGW9TDHZPODcjvgTDeO8dfNGP41UxB+iNNgVyrXtExFaUPnopSZyqKQs3I7w3h/G8xN5efnlQPADbTo6dlwEzLkJmWUTMtZTMtU+AGPT0luSovj2ka7pqmcgDppLCBROaO8EP3vOmRW/OmR27NW7kzTkwdG41MnV4Ja+r0SlhT55Ij7zt1yUCGDes568eYsy3VVqmnmXD0gxwrRz8ECm9GeZNvZbw+ZO+DWEy9ZvaM6muzMr+gBlXfqT8gc9SnBtt+Tqpgp9E51FNQfDiqSB8VPiA9r/pambbXh27lZaL9PhTgOPqQIY/87JuX5XO0jKE9ll72qyz+639cQf5kW7cbdDHLEVldzEoX1YDKnkr3smqgHXTOdCLLTkgj6EQfVlt3AdOoqfn8P02kxt7mLqkkJOuY3z4zzxOGVSfBqplTPskwQyamNUygZ5hOPRI1qXvODnNJTIcjYlqWOctlzmKZ0Q8PAoJTFFEcJsJ2MVVst1/3j6zL/rFfA/I8xwcD6JfePVNd/ZtC/3KxHqGj4YQKO1rj4BI5e35JBeO9uz4Ydj3ZGpIHshhDZkxD3nTvMWXBtT3HNA1CPj723kP9AP3k441WiweONonR8gH2dR0AqKdh1JvpmoYZdH84PrxLzk7XBGXV0EedoFDr+RVMUCBIZ/CgLA9G+KBsZq7sVXrPXFYVPmTmKqCNxOf+Qyb0A1SsX+ecBuK4ggdT8mCMD6bMZE951a7JrmLMY/Gp+tZr0LUMWTX6K1qGUM37jVwGrR5xGZKtqjwo8UHVrE/Vm+29PllV/LjrMwtyKb72H3fZPkAD7Yj1Ab1yskAJs0AJWSC9crJAA6HuzgXSKycLFCjxQ7JAeuVkgQK1dVQWSK+cLFDZLFBZFkivnCzQFJRWvXKz4cqN65XTSknVq4nezAfCaMosqQIjxpUSPVGRabdWI6vKH7gaZACz7vYKYLFreDIeFDA6EQq8H391GClktA/XmWVN+8M1lUkaiKjOHE0/9NdAFZ0EhTeiOk/0Vp3BB1CdUT21X9GaSWgbgtbEORpqqpOYSlGgjVJOliZ9wqFGTxo1eqKnGj0FNRpaMaeJinSwEtLZHko00AlqNPqm51Vu2dXODtPd6Vao2YmoQv2HA6npN7m3qKL/TA2coSF/Aao88U8ttJKv294Cakme/s15ie42kxpSaZMaxtPUqb/YSij8HVfOx7iBuklwNHWTMBf4hbGlsmf+IpJFPEq9Rg5UfVzxl1gxb9Embpfb3irmIqcGH2IiBlSOXYUKn1P9L9mPElMvmCq3oIDLtA0wa0YNABh418qc+IsyJWrg+IuKjy5heHWwWv58CN7pyP9UGnUF5B/fxs8d/F9MzqSqh1z8X8nz/0z6k+f/Q3/ez5P+FMymeF0lTG93mVmWGWGZGpw6P4N97yhYVguxguMsOMqCE/CG/Cx5/lf8fyt1/tOkP31eSbS9FQwJKRhka2rl/LfSifPvpRNJf0aT021/XadSbT/deTx9PkzbCa7p/OhYsTQ1PVMB1GH7nP9f8vwXGCQ2OPLQthoaLoyUxycmq7O1OVXBQ/yA36bUslpr42elbVWL+/U22G/ZIs4421pi6aVI6SrupfSSRZxzlFZqlaVX1KqV0QNRSttE31F6HkhaM+OcxZinFXrYe6SYE6Sm9JjHsaukJOqYVJ5C/bGS83w8z5KTQE/0P5ZDMYdCDqwvUuPRVsbVIlg5BV7AE2zhrKT9NO7mEge0qrFJkEMIyYMU9MqBVooUU2YudZAaAApYgJBrYZvnBAX+fDk19Lb+Rk20gCPYcslW8n6lcoTifdxBZqsvh5u+DuDVqRW915NSSG/sVb3XbdIa8neR1oHhY94Gepw585NIbrKmzvZPI6fcoiXcptpeBnsa68I9Xcakl9X0mQ9fB/dj+bgCsJtWpZdgUVV6MQMISCI7cJDZE2rZsbeyGC6AAXkIDBTqAIYJAAOAkjBYbaXP/Nm2X+P287fAH4B6v6G5h2tHzmFanih/Wz8R3wN4iyvr75g9u8s9u8o9u6fqjr5sKdTLkuRI8oPU21Uj2/ObpsZ91rjGGq+oDcLHSq9qg86wqu5qg+b8LVNtg9Wus9pttdkFLgcCLjVMJ1IAlzkMPNxVVzUZ4KJ0CuDidR5fc2y661j8Oe7OmrU7b+AeojytPIt401H6FlgbpaGkWBlv456KQKT0HUfpFuQCSmcipQ9xj9KZSOm7jtL3uI0Flv0j1cCEauQ4ULtqz6S31aFC0dg+v8eHe7hgf2+r2wqdi+VpMc9tXIAGd5huIesNhVmIZb3FxzdwkequKsxzLM915rmKC6q7xjQJckst4yb0j9k2dNddtXPeUkfqQO2rK+Eo9tRt5r6tG7ihrvLuKqvaYWpH13J+4u+gWBMV3ES6qeeM88XesCeYpi2pflu1MGip7Tq6i+K/EGXwBDwY4UvOuNdQTZSTMbGWYBug3TAv7yXvtqpgs1fB81RyqlgWalxV7IId9GyYcxJsLf7pncGWWDOfIj9QgRVoUJUU0VSnCKGESMKqENIHqSFVhTKFpoISSKFEOY+Mgr9CQckpnUKRKrskNAUUJup4SQHkaQLyNJMjgO97wS5+pvpN+r9vP/tC5ToPvlB5+2bIzjZsPxmxb0btmzGrDHo7TqUKxslvLuJPdBC/Ioj/jR9MTyLxtT8g+P+N35mlr/38V2rwq5+j61tQtHFTkJsGlcivVFFutkOBUWFrFS0YcDmBBiKCoUKNcVZNUDQIBrpEymxPnXGLP1mijdblQsnQDCXDrlMyNMQI62uHBffeRwBs69LU48MKDkwFV0OovxaD+usC9bMYJlIC9bM2RAvZQD1SUai/7gDMmwHUz1rIessF9bcdpanFCNTbpVsuqD90lL4bQL1d+p4L6o8cpe8D6vWq+Q8EXzUwXgMu7Zr0rrqnUDSGu/f58B4uALtdoB46F8tzV8P7XQLqIdN3kfUW4DaeVSTBLY2du0BizHMsz03dn5usTmD/BkH6Rgj1TcH4B+qahfE76D4ljsgbQOUtDAx3u6yjyVQzwHivCVlRI19UsUlm8UBUUSY0/FU0OApBa6EVjYJCMSroPmSkiAlU16em2qyxKntN4NJUykSkUiFEKhWKqfQqVA4ObEfdxTzLODhDHeni7dAPwI3Q1d5O0N5Od3sgdLUHimmvB2znNYLiaNCgJeDOpDZDBN3SCFoB1OFPsLGhEdQmbWsEtUk7gqBNjaAk7EYR1GNPOwjqt2HXpFT6DNnZqwXVT6zbU3le9tUIL1ccGLt46tMVQ4xdAkoalP0aFrYG1/zXAaIe4CwUD4YVSRpXr+IEFqQxIWl0vQZ0nUM7c2qJ7SwRXefUHGF16Zi3J8DWlFoUbK1A5Uj1wlG/jnWGPbSmrqi6aA+QUftIUiOBhMmi+rXUG9VH2yWrKrJx6TdCGup820+Jv4S/ow5FnnQVV+PzaBlNrgcV071W1YDas+6YMu+om+1K3etqOVJ3iNc9q48p9V3VB01L9ct54PSGQzysGVFwnaKgQVFwA6Ignm/d5LvJfNvMdwt7DzJny5F52WS+zcw7zHwHYBKVL3WRL2l0Cylsn4xOQeZTtCKVBsrE6/YcMs5zSE1oJBUPJ6CZN9Ax14g2GEIL2vbyeev85PwkGy+Sh0lwHUgpmOhB2YZOrdNAY4CuTt8BJytwckZZjpNDcR68w2CgpOkSdUcoB2ItQrzvKP0ApX2W9q2MD1EaxFqE+MhR+hil51l63sr4GKVBrEWITxylnwIIJrX8O1F3AKqPFbLFBM9TSpLHuAB6b6iHCh2J5Tlmnoe4QLA8YvoYWY8gH+NZH/DxES5S3QWW1KFYUphziloKKzGs6kSDujqBLDtGV0C5BSFHIcssq3y6iqd3QH6sHpL2UGc6gvDAHSWIiGMtS1ZYYAUTUW2Dq9Jqgayb4QX2Iy81zCYucPMrBWngq2O4qyHxNfNNVFDDCSoI+BCEOgh1EIQlSVgFYVncLVN6v6OlFWSLG1LLDjNpFRAIesxMWnGYSWuCuOIaWjVu9zWxlFL03LHJy1pKrEDLTEmJpSQpsZSWtBwVglhKcNa30VRQAiltKS0FnipQxFKSlFhK6FJgKWU5MZyVsPcrgSdsxdQZtgiCltxh1aAYyQ1DDNp8pKJ66FLrrgiEropA6VQk6kS0ruWgLnQ8WhcIXXXpsaGuvAhDb65Ln8j/fSG1/GborVYqgCFGgQAEmZQfKhXzWqk4hPTHn6gLC1qpsEmLWqmwSUuiVMDSo1JxiGQ9qlTcR05LqXjQ9h7aSsUjrVSsaKViVSsVaw6l4nFHqXhysVKxHlcqNuJKxSag+AjtHKknbOcJlYojdUSl4skxb6lUpNVjUSq4l3o69GHirXOHz6o16HibTGI/IrnBJA67qMAG8hlnNpZkTolkTotk5q9LqSC9l1IBTdqqWN2zpb6j7phS4ag7VCqg40bq7lIqHNXHlIqu6iNKRYVKhecygo38r1H+L1D+b8EnHs9XNfnmmG+R+RrYEVAq5h2ZKyazYuYl7Z+sdykVO6JUUJVACnuI6gVSUCoOdQpKxV1RCoDXQN05dKGlFOrurRTsI++WEf5XUKJh0gcoZ9x+3tXONGtJyQmeNBN8LBPMXxdvkO7iDW/LqtNmC2e1MbZwVCts4TUi1UY4wllzjCO6ag45Qjwox3JanbG8vmKNXegZoL/3Pg3x+7a/F+VAPIwQjcsvUpq20AOWfmBl3EVpEA8jxD2nCzmtHrL0w4gL+S6JhxGi24WME5o2FKRtWCDCRZTjB7BM3unVRR56inu4c+EAoP6xp+39PeZnrTfp9IyVoIUOE542OvJcc3oF6ATwm+IG0LVek1ppGp/AwbRvdgJ6fxU6EF3E2jF7AtcpNwA3izw8wNBC5wDu2K5xEFju4JPwbB8WK4EY/PY0sLOZ0ILxiRaMQtCC8YkWjEIxQjYF5gd6Z9Qj7uw0L2msDS5QCnm5C53rmDrXsehcxH/vqFuO/vVIavFNwcjRuziSL0E4BtJ0MZSmS6E0XY5L03pcmkIl7CatijRd60hTeD1tafowKk0xgGNbmj7W0nRDS9NNLU23sK0qqtqRppUz/0lHmj6FNK10pCmSEWnaiEvT7bg03cH2fYB2HqinbOcppekD9YDS9Okxb7WJ/kSkaVptXGCi1wCSWHoF5qkJQ0DKbSK5zeScSFMVwBBjJDoiKf0tTXSl5qyK1V1b3Dnqfi8THR7QSN1d0tRR/XuZ6LOUposOwaeM4PMo+OoUfE3Iv3i+OZPPZ74V7U9eozR1+qlN5nnrWHK9S5rWQmmKFHbSPZ2CND3SKUjT+yrtpRzmdw3nyDOADEwWFgXo4aN/LYVTdi1qYTDNyETOcB/XWAN5qPOHLPvCdch1qPY1dDChoeOphg4haOh4qqFDKEanzqPtphHR++iBcddCjM8Hp3TeAdj+EGwP3do+yrwPf+47ji7vxSXHDZQD8ShCdB1dNlH6EUs/ikit+yQeRYhuqXVPHbP0cURq3SfxKEJ0Sy3Kkv1LyKj995NRYCHW6z6mFCl1Q0up/YuOKZv6mJKnjJBScs7YOXG8jmiY2vl3YVZPcAlE/J4EbHKCksImTETYRAgRNhGKkTBwvwiLhrK7I+CuYDQdAdfxhdNzPQ0gB2zfxa4/UdgK3wn68Z3Ag81EpB9CiPRDKGE/9CaRfkSkMFq7q07gwfkorcgmZCt7cpYr1Z9oPGML1nyaFpjoms/uFoQSSuy7WmI/Jnrc4wXHI7zA1cPLfUjsQ0rsQ5HYlDHeA5HY8Ly3vYpI7H+oISJlrjsiRU2/6g5KoVgODiYD6Q0hHD+PjB1RrsePKDdEem92jijFVf+uI8oZfWioZfNMV1DKjASl4DcelOI67osGpTA2NR6U0kbsGP1xDawkQ1JMPEdETPKJClRmW1Dax45yerjrPDhkUENcQHbVx9ZMfXvhYeK+HCZCqvSoNCYWrUqDxuxglA1t7G05jT2eUIqxh6NI64TySmDv4eDS2ICQZxdaEgfBYaR9SnjVFaHilgfmMNIufcMVoeIOZTGHkXbp264IFTei06UFcz8MRMHW3g8DODrnlI0LQF9DfuOCKBMN+CEIwuppXADkAuPIccVptBwwBw9ysMRIUV/spKCxTnfiOOx4DDv2QuNPGGRhwjOiJ3MzxJOZX39ABYK6341WfYAV/NloZZMMWtmkCFr1udCq73JoNYHUxMMArboDKohdPQIqGnZAxbYdUEF7YhqtISqPCySgNq1BrQrLzIAaAioE1sypz/sEVMirnVZAxSVxjQERjJXuKnYp+NqRYApIok4whSl+JQSqgxhQXQ2BCikAlWcD1TVNNqEUSAGo5iz86RE1J0dJUagx6DV3iag5lI4CVRg1Z5fuFTWH0lGgCqPm7NLuQ7AOLu1ZuATPxMWog7zUBS9AGgRYGqUNZ+ImRuEKECaAw+YFZ0j6yKj5LnC0oK/TWLNXJISBKisSwkCVHQnBfaA9FBGogikINBfkWBJfBTZ6GEQQ4MdWiB8NjR8JbHT8mdgBwQ+btKPxwyY1BT92NX4kkNyL4gdY0sYPr83jho6vYl77Kva1r+KK9lUcOBBmGc2Cu6kPLQAjDMbQV6GhpeOruBr3VVyL+yquA1tqaAdHb2xngdhSUzWCysIxb7WvYlmQJQF7o7evYkUHDqxB5V4RRgJCX0FSIgtWouEEfA+kY/AnvnU4wYpVMcLbL677vXwVOMSL1N3lq3BU/16+inpejkl6hxOsh2ECN5wRAit2OIFECDDmCKjbcGSu2+EETR1OsNeFsauCsTifBW5rz7+kKPF0qkc4wSqsC0gl+inWTZzAisQJ1I2fYlVUEbwsgcM5LRNifoq6cBxyzQXniExoFMALNNzzQtAosKBRQCihn2LdGXdw04o7uGUiaLgwFmzP2m4LN2CLXCC8R+MVBLBtohuwRdREQ+xM1EI0cs4VtQBdhwEKqUiAwoqOWmA8Q4e45ii9Dhv4JgTDCtYljsrrRGAe2vWMIKgzB+MAEGtiUlLfu+TAjXfKAUfNCEvaAHt8F6fw8EzwjSJ4JhYDxlgMGIOJCGMIIcIYQjHiAWfHbeBXCjEaEnaAC8MOcIEA5oXxBnO0pOfEkiYCerUucZL/48FU/u30GzVMNJxx+rpFWJQA9Pgzvm4RFjYJ56dBpG8oEvB+I+UBKx5XfXLwq3JyggtWHVNFojO/XDGkxs78qvZYD6HYLNTGsW/8vq/VgDndxVcrvoYmGZzrpoXVZ1l+luiOk0ii++wxbzW6VwXdSziyvcgTLSe4YBfIBznXramM7L4sDgFLgEWVcWC4zYd4+9C8YGm8wFABe5Xt5hm8monSMxp6pXgNh/8X+G7F3qWPFx4pl9u21u3jRSRAA84rjRHzcCB5Jr0F5lFwbK1qoNQoqQQlJ/hIUHJSp4CSUzoFlJx2oKRy0DxVAk82xGPlo2OEy3iHCxU5F6zoyGry9yRelgr3Pb1oU5YH1AEDC1AhJtu0T+yTQEYUkDj1Dlcpwh3Me7DQ6/kagMufudjRR+MPF+R4LTjakhe0sDj7dCGjICjzqHXBBBZ5fOqhTbi1U3wvjLM9jv5jqscJCXxZDKJk2vJ0iR3NWSxUUPsJOGxbTygJnrjKqYWMCsuxWr51EwsKQp9mgzgTFUSgqDDUBimNMtw+kklqCZSGIN6HUUBQYk14CqN1nNngSgkqRkpieBCdgx6ye50Wgm7MmdxhB0EIemMCYUAxmDeKueuqqBZUFDQbVqRbtysCJYioIWJ4aZniMc72mKDhPw6kpt7k32o0pJqsMZBvEuvUtEbDNWAc/gT6+JWOLlJF0LAaRUOY6AYNNzQazmo0pK7ajYbNDhrudqHhnI2GCtuH0TRrapfld4mGa+gG0HD3mLc6yqVpolxmL4hyKWGawZ9lQFhJMzLgSfR0IhqGIIgWi2WJoiEcux04K6OinmXjaEin8LaFhiXEULneebXfc50hyvl479TxUq3JN8F8Feabx/byDQICaBBIotMe4M3HTq3aaOiHIahIgT82dQpoSPBECmjYoAlDbzka64lw8505GGkDKzgH/O0xfxqP8nytulcx19SNhFPn4Q1qb0cgdYdcD5uwg4JL8p7Vhe+61iEON+krWLfQE+/oqkYbP1u2suYovYq+4O1xoB8mVOaFQIWoRMYaxuBzlfC5LBGXyLPkfDeWWpTvix6lIxIWULOed0IgavYJrr4VWgCOIOtj8HugCzwwoeFhV8ODEDQ87Gp4EEp4SrGtlaoN8sAGJgQMsIHRY/U3MBNY+h2ixo4ACPebt9aNJf+bS02+GTZYgrN6bNeOfsUP1OiUoMSpvw6cwJ/ABz/Y0UWqCaLMRREFRr5BlIZGFKURxcPql1S5gyilM3+vgyj7QJSShSi+jSjz4J4NlN9Q+yy/T0TZUBtElP1j3mr9as+c9OOsvieicLfJ1xA8rBffboYaSETBFx/A2piJy+hXUGk7kEA52bNsfFtQHd60EGWcSnPFsU2DY48pYsUsjcgFoEE837jJN818NeZbBGpaqDEhqLGNZpAif+gUUKOpU0ANeFScp+I8yyqCpyXGdxLsPY32ACtQEopyGl5sQ4ZMOK3MJVkZsVOXNMMzoRl+XzO8EDTD72uGF0poZU5BT9F4uISWF016GexAdR3mFIvswG4P938dJ8DNi+FggWpVGz/bFm4s4n6XxKZFXHWUXsPmXgKS4FkMFtYIC4u4ADqWYFi54EW0MxjgNMEkvWLSjD6AObZAfF7QiIXDaT2DV5BHZpCJyAwKITKDQjGQMWFWDaC0LHaaMf6wOguQ7+tk2U04VnCS9FFaE+5gawweXwDMH8gB7beuOUWwo+4OBKTyuUMuxnu2ZOEG1g38i7GAFQXvCAzehiShgba9kkDfTwdgVJbewFFZ1vBXEfjzQ/jDi0cmZaKQbcejiUK2SUsCf2KKduBvPIQ/fFiF2FXX8LcCfi2qUgf+imJe0skYmJdFC/5WbfiDBuel5NsrHfMSuBk1L+E/Ms5DODF6wh/Fm5gDK9CTyaeAb8KfEgjD1wgvo1Dh+yYd/EIAU++ycfhDWUSfW9ZpHsqcK3o2CCISx5yE2m6AIXobopthlO2WhOSG8OcZpakM00SbkJISE1JSPUxID9A3pqFvXaItNmnzgK89NSYOtjG4K3Q0cQz6EHmlGX4msCmYiJgCQoiYAkKxHGwbBu6g+oTxvBtghRmBvhltmlp61GbUNDWvpkfAi8ohTFN8csP+NIlYeGLtdYjGkRopvQ2hu47lxrMYrG0TWhguR00teP09kqNzbDrHFBV7NE37/7uoE6DHc2+AHmI39dzVgrljIjJ3QojMnVBCHxRebwAL0pbFj7ZlgYRccEAUbdmOr0m2kZeSZJHUooDFnwymZ/AWQ+aHql8bR51vBwUgUeCxmqScXwoSuLBJ+PBWNwmfFMZvSSBDvieEL8baxxf14PNCaAm3K/ieEFY+dWYQhkaW+bgQPoWEv9yZv6UDOfqAKQ08zOLYYts6Bt0hDecXTYu2+1V4I3AzDnO+mzbBuNku2iR4cRldWFYNdqFBWFpWy4SlxjFvCUt4307befF9opI9YQrvpMqHahz7HVHf8lVY5yP5hFTe+VmiDDCKgiQD9Tk4CkVWvOJDkn1Aii9F8X0ejXG4x1s8eVsX43eMsPMLrh6YfHnmG2M+Cpl4viGTb4j5isxXRZszZpNPoaMVk55GD6smTdbGQRUMGJw7VGFtRE8UhkLrEClwclKnAHSLOgWgW8KabQp+WMAxQ4Wmc1txbH18UYAf5Unzy05hxlkqOW3qFRbReHoipedQeoWl7c8kKflsEkrbRM9R2kfp1e4vIs2jNIjQwyzikFPbw6ElJnceM+DWxkT/Qg44Hx05QkMOtSPFTxJLfXx/Mp47hDYuJxYxnqPKHNVIfVbNFtuBDVP4CB3gn1tJpJB83phq9JDBw0agRoOg8bARqNGghMoTDEbajWvkDoQakDWgpZIv+PkqKDKb9MhvttIP6ZPnDvaWu7+39K996RF4oZI/lG+cQewHODgY4iDBFAg3BcDCnyAcP7LdRQKCygfXkDeENn7RELgm7n5wJ74tpz+DRld2/5nvaVDLIKOv+r/x5zvoFYWkEdV5JITRMIDNZ42+DlSTCDW8yolbYtQUzoV6YdRUT4zKyT854I05tndOvuKPzzkOuj7SBiDKEfJxlhWudQ6qBkgdyBkLoGSMEDFEiCg6v/mWM/lyzDfMfCV67gxklNFUyaTHgQJQQQFclnaUE9CgMx0pOnh1CqBR1SkeQwbvwrdS8qURW8soYSNUO7c5xw4cw36p8HvJ09ZWLYI428YPvkkUEiccpWlel9FvPIvtpUnuG4oD5MDH9Bw5xpiD//4AeoZUTu+xcJ4x7ymE80DnICuIHpELdI6c2WN+oHOAoPeYH+gcoIR7DN9IlE3PycTO50zO6Bi3GX6raFZOvczrkla8Vz+p/bLDfkDdmByfPcbbtK9bf5dot+58gX0yANHe1xp4Ag/8azJq6zYftFt/myQqcmekj+G74fbRj1p3Thl+8Zq7mlIAuwxVJttn7fxf5tPVt8k36R9J3IQPheOMHiDECWATQzXAxkaXpCTfroUZik1XU8O46+fnClXO7lzbn0Zb6GBe5dlBn4ZVG5xGPwcqRbfKZ2GfJIzqx+g0DbA0hqLH4S/ypHqIJ4nAg+ov88Cgcmuk3fr8C0xiQf6BkmE1QtZLI6Fe8uuLY/xSJf+ZksJDfDVCjZ2iIUwyHr+ggoQQjoICY89jcgr8lwrKeDvZAx8DhbwJsaUmsIZI8EuWE+0njMw+ZvTbPBcRmZcwD4ljfM1zjsE5L1X1rJ2F00ge5sGVgDCULmhcyclxR04GX1RDrdR9FCwc4TH1xvuvEA6c51ckQGBHVjDOMnpMrXdVQBb7gRNWxGSvId6kKDUtoK8lnLvge6HUs5B8hH9AIG6prMOaW8bjklrGxzjrMHhRkP9uQ1GtSbSJrk++wlkS80zeHV03Ci/KrRojGXsNAn1dXrGu84ubQmUwc+7UK4m6WeI2KeC8w0f3+P43yrN2vmN+TP0P372E5TRUwQwsqWX8LvBVk+QpKmEJvIOJKcDBcn6f3Qntc1RdBLSMq4HRJI5mxoPJUuVfDuKtRnwrP8/gEIEDUhgXMpT50V3OALKvpuBl3rAoCOVpA+2FvomvkrL3JXCp/irpuCrBhcjtbfJhQGqT9yXuTd0jYQC0i9x0Fw+OstrW6HcMDad8msYvqIwCynAj32HUPUb3yAd3YMnnZYX1mvJff8B/XOmidNXb0BceIrOTmE+2CmtXJhZfEcUYYNSOIzoIqT/7UwwTFlbY8WWOEdRNezIng8FNSh6ODNQCM2BWxSSSfFOkTOnRypsviKeEP4ijmMVIffFFIUVOXQoYe+II2Sj+Q8aG+cEhFmSIy1g4IkcBQ6xjUHqfLIF3eQE3+0UuQcErOuSZB+eyWas6eRd8HfJuEXsR7nusFd8F0HtSf0zW8LM1AUV83MAwcpGMXBBGZmCW9LEAbuzXLA2/M1kadXKNhKXB3sLS+EdKull6Tli6yHeRhaVZAiwdAESMq/s5ZixlH7iaE8lZkNk1PAIHK05cJeswk8MiCv4f";
// ../sampling/src/kernels/load.ts
/** Smallest module with one relaxed instruction (i8x16.relaxed_swizzle): valid exactly where relaxed SIMD is. */
const relaxedProbe = new Uint8Array([
	0,
	97,
	115,
	109,
	1,
	0,
	0,
	0,
	1,
	5,
	1,
	96,
	0,
	1,
	123,
	3,
	2,
	1,
	0,
	10,
	15,
	1,
	13,
	0,
	65,
	1,
	253,
	15,
	65,
	2,
	253,
	15,
	253,
	128,
	2,
	11
]);
let relaxedKnown;
/** Whether this JavaScript engine runs relaxed SIMD. Node 20 has it behind a flag, set here before any kernel is compiled. */
function hasRelaxedSimd() {
	if (relaxedKnown === void 0) {
		relaxedKnown = WebAssembly.validate(relaxedProbe);
		if (!relaxedKnown) {
			(globalThis.process?.getBuiltinModule?.("node:v8"))?.setFlagsFromString("--experimental-wasm-relaxed-simd");
			relaxedKnown = WebAssembly.validate(relaxedProbe);
		}
	}
	return relaxedKnown;
}
function fromBase64(text) {
	const binary = atob(text);
	const bytes = new Uint8Array(binary.length);
	for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
	return bytes;
}
/** The bytes of one of the four builds: {plain, relaxed} SIMD × {shared, unshared} memory. */
function moduleBytes(build, shared) {
	const bytes = inflateSync(fromBase64(build === "relaxed" ? relaxed : simd));
	if (!shared) bytes[importedMemoryFlag(bytes)] = 1;
	return bytes;
}
/** Offset of the limits flag of the imported memory. The two memory kinds differ in this byte and in nothing else. */
function importedMemoryFlag(bytes) {
	let at = 8;
	const leb = () => {
		let value = 0;
		for (let shift = 0;; shift += 7) {
			const b = bytes[at++];
			value |= (b & 127) << shift;
			if (b < 128) return value >>> 0;
		}
	};
	while (at < bytes.length) {
		const id = bytes[at++];
		const end = leb() + at;
		if (id === 2) for (let count = leb(); count > 0; count--) {
			for (let name = 0; name < 2; name++) {
				const length = leb();
				at += length;
			}
			const kind = bytes[at++];
			if (kind === 2) return at;
			if (kind === 0) leb();
			else throw new Error("kernels: unexpected import");
		}
		at = end;
	}
	throw new Error("kernels: the module imports no memory");
}
// ../sampling/src/kernels/worker.ts
/**
* The program of a pool worker, as text: it must start from a string, so that no bundler has to find a second file.
* Control block (Int32): see `Control`. A job is open while `sequence` is even; a worker enters by raising `active` and then
* reading `sequence` again, so the main thread, which closes a job before it waits for `active` = 0, never changes the
* arguments under a worker. Slabs are claimed from `next`; results go to their slab's place, whoever computed them.
*/
const workerSource = `
const run = ({ module, memory, control, id }) => {
  const c = new Int32Array(control), d = new Float64Array(control);
  const ex = new WebAssembly.Instance(module, { env: { memory, abort() { throw new Error("kernel assertion"); } } }).exports;
  const names = WebAssembly.Module.exports(module).map((e) => e.name);
  const extra = [];
  Atomics.add(c, 7, 1);
  for (;;) {
    let s = Atomics.load(c, 0);
    if (s & 1) {
      for (let spin = 0; spin < 3000 && s === Atomics.load(c, 0); spin++);
      Atomics.wait(c, 0, s);
      continue;
    }
    Atomics.add(c, 2, 1);
    s = Atomics.load(c, 0);
    if (s & 1) { Atomics.sub(c, 2, 1); Atomics.notify(c, 2); continue; }
    if (s === -2) return;
    if (id < c[11]) {
      let fn;
      const index = c[4];
      if (index >= 0) fn = ex[names[index]];
      else {
        fn = extra[-1 - index];
        if (!fn) {
          const bytes = new Uint8Array(memory.buffer, c[9] >>> 0, c[10]).slice();
          fn = extra[-1 - index] = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports.run;
        }
      }
      const args = Array.from(d.subarray(16, 16 + c[5])), total = c[3], grain = c[6], extent = c[8], ws = d[12];
      const wsArgs = ws > 0 ? [d[13] + id * ws] : [];
      for (;;) {
        const k = Atomics.add(c, 1, 1);
        if (k >= total || Atomics.load(c, 15)) break;
        const r = fn(...args, ...wsArgs, k * grain, Math.min(extent, (k + 1) * grain));
        d[64 + k] = r === undefined ? 0 : r;
      }
    }
    Atomics.sub(c, 2, 1);
    Atomics.notify(c, 2);
    while (Atomics.load(c, 0) === s) { Atomics.wait(c, 0, s); }
  }
};
if (typeof self !== "undefined" && typeof self.postMessage === "function" && typeof require === "undefined") self.onmessage = (e) => run(e.data);
else run(require("node:worker_threads").workerData);
`;
/** Places in the control block: Int32 words 0…15, Float64 from word 16 on (workspace 12–13, arguments 16–63, slab results 64…). */
const Control = {
	sequence: 0,
	next: 1,
	active: 2,
	total: 3,
	kernel: 4,
	argumentCount: 5,
	grain: 6,
	ready: 7,
	extent: 8,
	codeAt: 9,
	codeBytes: 10,
	threads: 11,
	abort: 15,
	workspaceBytes: 12,
	workspaceAt: 13,
	arguments: 16,
	results: 64
};
/** Most slabs one call may have: the length of the table of partial results. */
const maximumSlabs = 4096;
const controlBytes = 33280;
// ../sampling/src/kernels/engine.ts
const page = 65536;
const nodeProcess = globalThis.process;
const nodeThreads = () => nodeProcess?.getBuiltinModule?.("node:worker_threads");
/** A thread that may block: Node's main thread, any worker; not a page's main thread. */
const mayBlock = nodeProcess?.versions?.node !== void 0 || typeof globalThis.WorkerGlobalScope !== "undefined";
/** Cores this process may use. */
function cores() {
	const os = nodeProcess?.getBuiltinModule?.("node:os");
	return os ? os.availableParallelism() : globalThis.navigator?.hardwareConcurrency ?? 1;
}
/**
* One linear memory, the kernels compiled against it, and the threads that run them.
* `parallel` cuts a kernel into slabs that depend only on the problem, so any number of threads gives the same bits.
*/
var Engine = class {
	build;
	shared;
	memory;
	/** The kernels by name, to be called on this thread alone. */
	exports;
	#module;
	#allocator;
	#control;
	#i;
	#d;
	#index = /* @__PURE__ */ new Map();
	#workers = [];
	#limit;
	#threads;
	#workspace = {
		at: 0,
		bytes: 0
	};
	#extra = [];
	#float = /* @__PURE__ */ new Float32Array(0);
	constructor(options = {}) {
		this.build = !options.deterministic && hasRelaxedSimd() ? "relaxed" : "simd";
		const shareable = typeof SharedArrayBuffer !== "undefined" && (nodeProcess?.versions?.node !== void 0 || globalThis.crossOriginIsolated === true);
		this.shared = options.shared ?? shareable;
		this.#module = new WebAssembly.Module(moduleBytes(this.build, this.shared));
		this.memory = reserve(this.shared);
		this.exports = this.#instantiate(this.#module);
		WebAssembly.Module.exports(this.#module).forEach((e, k) => this.#index.set(e.name, k));
		this.#control = this.shared ? new SharedArrayBuffer(controlBytes) : /* @__PURE__ */ new ArrayBuffer(controlBytes);
		this.#i = new Int32Array(this.#control);
		this.#d = new Float64Array(this.#control);
		this.#i[Control.sequence] = 1;
		this.#limit = Math.min(options.memoryBytes ?? 65536 * page, 65536 * page);
		this.#allocator = new Allocator(page, (top) => this.#grow(top));
		this.#threads = 1;
		this.threads = options.threads ?? Math.min(cores(), 16);
	}
	#instantiate(module) {
		const abort = () => {
			throw new Error("kernel assertion");
		};
		return new WebAssembly.Instance(module, { env: {
			memory: this.memory,
			abort
		} }).exports;
	}
	#grow(top) {
		if (top > this.#limit) throw this.#outOfMemory(top);
		const missing = Math.ceil((top - this.memory.buffer.byteLength) / page);
		if (missing <= 0) return;
		const spare = Math.min(1024, Math.floor((this.#limit - top) / page));
		try {
			this.memory.grow(missing + Math.max(0, spare));
		} catch {
			try {
				this.memory.grow(missing);
			} catch {
				throw this.#outOfMemory(top);
			}
		}
	}
	#outOfMemory(top) {
		const mb = (bytes) => Math.round(bytes / 2 ** 20);
		return new MemoryError(`memory: ${mb(top)} MB are needed and at most ${mb(this.#limit)} MB may be used; downsample the images, crop them to the region of interest, or raise the limit`, {
			needed: top,
			used: this.#allocator.used,
			limit: this.#limit
		});
	}
	/** Bytes held now, the most held so far, and the limit. */
	get memoryUse() {
		return {
			used: this.#allocator.used,
			peak: this.#allocator.peak,
			limit: this.#limit
		};
	}
	/** Start measuring the peak anew. */
	resetPeak() {
		this.#allocator.peak = this.#allocator.used;
	}
	/** Reserve bytes (start on a cache line, 64 zero bytes behind). The content is whatever was there. */
	allocate(bytes) {
		const at = this.#allocator.allocate(bytes);
		new Uint8Array(this.memory.buffer, at + bytes, 64).fill(0);
		return at;
	}
	free(at) {
		this.#allocator.free(at);
	}
	/** The memory as floats at byte address `at`. Make it anew after any allocation: growing renews the buffer. */
	f32(at, length) {
		if (this.#float.buffer !== this.memory.buffer) this.#float = new Float32Array(this.memory.buffer);
		return this.#float.subarray(at >>> 2, (at >>> 2) + length);
	}
	f64(at, length) {
		return new Float64Array(this.memory.buffer, at, length);
	}
	i32(at, length) {
		return new Int32Array(this.memory.buffer, at, length);
	}
	get threads() {
		return this.#threads;
	}
	/** Change the number of threads; workers start now and join when they are up. */
	set threads(count) {
		if (!Number.isInteger(count) || count < 1) throw new ArgumentError(`threads: ${count} is not a number of threads; give an integer of 1 or more`, { count });
		this.#threads = this.shared ? count : 1;
		while (this.#workers.length < this.#threads - 1) {
			const worker = startWorker({
				module: this.#module,
				memory: this.memory,
				control: this.#control,
				id: this.#workers.length + 1
			});
			if (!worker) {
				this.#threads = this.#workers.length + 1;
				break;
			}
			this.#workers.push(worker);
		}
	}
	/** Workers that are up and waiting; at most `threads` − 1. In a page they need the event loop to turn before they are. */
	get workersReady() {
		return Atomics.load(this.#i, Control.ready);
	}
	/** Set from any thread that holds `abortFlag`: kernels stop between slabs and `parallel` throws AbortedError. */
	get abortFlag() {
		return this.#i.subarray(Control.abort, Control.abort + 1);
	}
	/** Run a kernel on this thread alone. */
	call(name, ...args) {
		const kernel = this.exports[name];
		if (!kernel) throw new ArgumentError(`kernel ${name} does not exist`, { name });
		return kernel(...args) ?? 0;
	}
	/**
	* Run `kernel(...args, [workspace], i0, i1)` over all slabs and return the sum of what the slabs return, added in slab order.
	* @throws AbortedError when the abort flag is set
	*/
	parallel(name, args, slabs) {
		const index = this.#index.get(name);
		if (index === void 0) throw new ArgumentError(`kernel ${name} does not exist`, { name });
		return this.#run(index, this.exports[name], args, slabs);
	}
	/** Compile a module made at run time (it imports env.memory and exports `run`); the result is for `parallelCompiled`. */
	compile(bytes) {
		const run = this.#instantiate(new WebAssembly.Module(bytes)).run;
		const at = this.allocate(bytes.length);
		new Uint8Array(this.memory.buffer, at, bytes.length).set(bytes);
		this.#extra.push({
			run,
			at,
			bytes: bytes.length
		});
		return this.#extra.length - 1;
	}
	parallelCompiled(code, args, slabs) {
		const extra = this.#extra[code];
		this.#i[Control.codeAt] = extra.at;
		this.#i[Control.codeBytes] = extra.bytes;
		return this.#run(-1 - code, extra.run, args, slabs);
	}
	#run(index, kernel, args, { extent, grain, workspace = 0 }) {
		if (extent <= 0) return 0;
		grain = Math.max(1, Math.floor(grain), Math.ceil(extent / maximumSlabs));
		const total = Math.ceil(extent / grain);
		const i = this.#i;
		const d = this.#d;
		const each = Math.ceil(workspace / 64) * 64 + (workspace > 0 ? 64 : 0);
		if (workspace > 0) this.#reserveWorkspace(each * this.#threads);
		const ws = workspace > 0 ? [this.#workspace.at] : [];
		if (Atomics.load(i, Control.abort)) throw aborted();
		if (this.#threads === 1 || total === 1 || this.#workers.length === 0) {
			let sum = 0;
			for (let k = 0; k < total; k++) {
				if (Atomics.load(i, Control.abort)) throw aborted();
				sum += kernel(...args, ...ws, k * grain, Math.min(extent, (k + 1) * grain)) ?? 0;
			}
			return sum;
		}
		i[Control.next] = 0;
		i[Control.total] = total;
		i[Control.kernel] = index;
		i[Control.argumentCount] = args.length;
		i[Control.grain] = grain;
		i[Control.extent] = extent;
		i[Control.threads] = this.#threads;
		d[Control.workspaceBytes] = each;
		d[Control.workspaceAt] = this.#workspace.at;
		d.set(args, Control.arguments);
		Atomics.add(i, Control.sequence, 1);
		Atomics.notify(i, Control.sequence);
		let failure;
		try {
			for (;;) {
				const k = Atomics.add(i, Control.next, 1);
				if (k >= total || Atomics.load(i, Control.abort)) break;
				d[Control.results + k] = kernel(...args, ...ws, k * grain, Math.min(extent, (k + 1) * grain)) ?? 0;
			}
		} catch (error) {
			failure = error;
			Atomics.store(i, Control.next, total);
		}
		Atomics.add(i, Control.sequence, 1);
		for (let spin = 0; Atomics.load(i, Control.active) > 0; spin++) if (spin > 2e4 && mayBlock) {
			const active = Atomics.load(i, Control.active);
			if (active > 0) Atomics.wait(i, Control.active, active, 1);
		}
		if (failure) throw failure;
		if (Atomics.load(i, Control.abort)) throw aborted();
		let sum = 0;
		for (let k = 0; k < total; k++) sum += d[Control.results + k];
		return sum;
	}
	#reserveWorkspace(bytes) {
		if (this.#workspace.bytes >= bytes) return;
		if (this.#workspace.bytes > 0) this.#allocator.free(this.#workspace.at);
		this.#workspace = {
			at: 0,
			bytes: 0
		};
		this.#workspace = {
			at: this.allocate(bytes),
			bytes
		};
	}
	/** Stop the workers. The engine goes on with one thread. */
	close() {
		for (const worker of this.#workers) worker.terminate();
		this.#workers.length = 0;
		this.#threads = 1;
	}
};
const aborted = () => new AbortedError("stopped: the abort flag was set");
function reserve(shared) {
	for (let maximum = 65536;; maximum /= 2) try {
		return new WebAssembly.Memory({
			initial: 64,
			maximum,
			shared
		});
	} catch (cause) {
		if (maximum <= 4096) throw new MemoryError("memory: the platform grants not even 256 MB of WebAssembly memory", {}, { cause });
	}
}
function startWorker(data) {
	try {
		const threads = nodeThreads();
		if (threads) {
			const worker = new threads.Worker(workerSource, {
				eval: true,
				workerData: data
			});
			worker.unref();
			return worker;
		}
		const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
		const worker = new Worker(url);
		worker.postMessage(data);
		return worker;
	} catch {
		return;
	}
}
// ../sampling/src/kernels/reference/sampling.ts
const countPositions = (positions) => "count" in positions ? positions.count : positions.size.reduce((a, b) => a * b, 1);
/** [I | 0] for d axes. */
const identityBase = (d) => Array.from({ length: d * (d + 1) }, (_, k) => k % (d + 1) === Math.floor(k / (d + 1)) ? 1 : 0);
// ../sampling/src/kernels/sampling.ts
var sampling_exports = /* @__PURE__ */ __exportAll({
	composeFields: () => composeFields,
	sampleLinear: () => sampleLinear,
	sampleLinearBoth: () => sampleLinearBoth,
	sampleLinearDirectional: () => sampleLinearDirectional,
	sampleLinearGradient: () => sampleLinearGradient
});
/** Points are cut into rows of this many, as if they were an image. */
const pointsInRow = 1024;
/** Positions one slab should hold: about a millisecond of work. */
const slabPositions = 4e4;
const product = (size) => size.reduce((a, b) => a * b, 1);
function rowsOf(positions, d) {
	const n = countPositions(positions);
	const points = "count" in positions;
	const width = points ? pointsInRow : positions.size[d - 1];
	const rows = n === 0 ? 0 : Math.ceil(n / width);
	return {
		n,
		rows,
		width,
		height: points || d === 2 ? rows : positions.size[1],
		slabs: {
			extent: rows,
			grain: Math.max(1, Math.floor(slabPositions / Math.max(1, width)))
		},
		source: points ? [positions.points, 1] : [positions.field ?? 0, 0],
		base: points ? new Array(d * (d + 1)).fill(0) : positions.base ?? identityBase(d)
	};
}
const constant = (rule) => rule.border === "constant" ? 1 : 0;
const usable = (image) => product(image.size) > 0 && image.channels > 0;
/** Arguments every linear kernel begins with. */
const linearHead = (image, r) => [
	image.at,
	image.channels,
	...image.size,
	...r.source,
	...r.base,
	...image.size.length === 3 ? [
		r.height,
		r.width,
		r.n
	] : [r.width, r.n]
];
/** out[c] = I_c(q), linear, [C, n]; `inside` (an address) receives 1 where q is in [0, size − 1], else 0. out must not be the field. */
function sampleLinear(e, image, positions, out, rule = {}) {
	if (!usable(image)) return;
	const r = rowsOf(positions, image.size.length);
	e.parallel(`sampleLinear${image.size.length}`, [
		...linearHead(image, r),
		constant(rule),
		rule.fill ?? 0,
		out,
		rule.inside ?? 0
	], r.slabs);
}
/** out = Σ_c g[c] ∇I_c(q), laid out like the positions (planes for a field, [n, d] for points): the derivative of the warp in its field. */
function sampleLinearGradient(e, image, positions, g, out, rule = {}) {
	if (!usable(image)) return;
	const r = rowsOf(positions, image.size.length);
	e.parallel(`sampleLinear${image.size.length}Gradient`, [
		...linearHead(image, r),
		constant(rule),
		g,
		out
	], r.slabs);
}
/** out[c] = h · ∇I_c(q), h laid out like the positions, out [C, n]. */
function sampleLinearDirectional(e, image, positions, h, out, rule = {}) {
	if (!usable(image)) return;
	const r = rowsOf(positions, image.size.length);
	e.parallel(`sampleLinear${image.size.length}Directional`, [
		...linearHead(image, r),
		constant(rule),
		h,
		out
	], r.slabs);
}
/** Value [C, n] and spatial gradient [C, d, n] in one pass. */
function sampleLinearBoth(e, image, positions, out, gradient, rule = {}) {
	if (!usable(image)) return;
	const r = rowsOf(positions, image.size.length);
	e.parallel(`sampleLinear${image.size.length}Both`, [
		...linearHead(image, r),
		constant(rule),
		rule.fill ?? 0,
		out,
		gradient,
		rule.inside ?? 0
	], r.slabs);
}
/** Composition of displacement fields on one lattice, out(p) = u(p + v(p)) + v(p), border clamp; u [d, size], v and out [d, outSize]. */
function composeFields(e, u, size, v, outSize, out) {
	if (product(size) === 0) return;
	const r = rowsOf({
		field: v,
		size: outSize
	}, size.length);
	const slabs = {
		extent: r.rows,
		grain: Math.max(1, Math.floor(r.slabs.grain / 2))
	};
	e.parallel(`composeFields${size.length}`, size.length === 3 ? [
		u,
		...size,
		v,
		r.height,
		r.width,
		r.n,
		out
	] : [
		u,
		...size,
		v,
		r.width,
		r.n,
		out
	], slabs);
}
// extra.mjs
const rows$1 = () => ({});
// bench.mjs
const nat = spawn("/tmp/w/native/nat");
const rl = createInterface({ input: nat.stdout });
const q = [];
rl.on("line", (l) => q.shift()(l));
const native = (name, T) => new Promise((r) => {
	q.push((l) => r(parseFloat(l.split(" ")[0])));
	nat.stdin.write(`${name} ${T}\n`);
});
const e = new Engine({ threads: 2 });
const D = 160;
const H = 192;
const W = 160;
const n = 30720 * W;
const I = e.allocate(4 * n);
const J = e.allocate(4 * n);
const U = e.allocate(12 * n);
const O = e.allocate(12 * n);
const G = e.allocate(12 * n);
const V = e.allocate(12 * n);
const P = e.allocate(12 * n);
{
	const i = e.f32(I, n), u = e.f32(U, 3 * n), j = e.f32(J, n), v = e.f32(V, 3 * n), p = e.f32(P, 3 * n);
	for (let z = 0, k = 0; z < D; z++) for (let y = 0; y < H; y++) for (let x = 0; x < W; x++, k++) {
		i[k] = .5 + .3 * Math.sin(x * .11 + y * .07) + .2 * Math.cos(z * .13 - x * .05);
		j[k] = .5 + .3 * Math.sin(x * .11 + y * .07 + .4) + .2 * Math.cos(z * .13 - x * .05 + .3);
		u[k] = 4 * Math.sin(y * .09 + z * .03);
		u[n + k] = 4 * Math.cos(x * .07 + z * .05);
		u[2 * n + k] = 4 * Math.sin(x * .05 + y * .06);
		v[k] = u[k];
		v[n + k] = u[n + k];
		v[2 * n + k] = u[2 * n + k];
		p[3 * k] = x + u[k];
		p[3 * k + 1] = y + u[n + k];
		p[3 * k + 2] = z + u[2 * n + k];
	}
}
const img = {
	at: I,
	channels: 1,
	size: [
		D,
		H,
		W
	]
};
const pos = {
	field: U,
	size: [
		D,
		H,
		W
	]
};
const rows = {
	"warp value": ["warp_fwd", () => sampleLinear(e, img, pos, O)],
	"warp old": ["warp_fwd", () => e.parallel("warpLinear3", [
		I,
		U,
		O,
		D,
		H,
		W,
		D,
		H,
		W
	], {
		extent: 30720,
		grain: 250
	})],
	"warp gradient": ["warp_bwd", () => sampleLinearGradient(e, img, pos, J, G)],
	"points value": ["warp_fwd", () => sampleLinear(e, img, {
		points: P,
		count: n
	}, O)],
	"points gradient": ["warp_bwd", () => sampleLinearGradient(e, img, {
		points: P,
		count: n
	}, J, G)],
	"warp both": ["warp_bwd", () => sampleLinearBoth(e, img, pos, O, G)],
	"affine": ["warp_fwd", () => sampleLinear(e, img, {
		size: [
			D,
			H,
			W
		],
		base: [
			1,
			.02,
			0,
			1,
			-.02,
			1,
			.01,
			0,
			0,
			0,
			1,
			2.5
		]
	}, O)],
	"constant": ["warp_fwd", () => sampleLinear(e, img, pos, O, { border: "constant" })],
	"compose": ["warp_fwd", () => composeFields(e, V, [
		D,
		H,
		W
	], U, [
		D,
		H,
		W
	], O)]
};
Object.assign(rows, rows$1({
	e,
	s: sampling_exports,
	I,
	J,
	U,
	V,
	P,
	O,
	G,
	D,
	H,
	W,
	n,
	img,
	pos
}));
const pick = process.argv[2] ? Object.keys(rows).filter((k) => k.match(process.argv[2])) : Object.keys(rows);
const reps = +(process.argv[3] ?? 7);
const med = (a) => a.sort((x, y) => x - y)[a.length >> 1];
for (const name of pick) {
	const [nn, f] = rows[name];
	const a = [], b = [], c = [];
	for (let k = 0; k <= reps; k++) {
		const t = await native(nn, 1);
		e.threads = 1;
		let t0 = performance.now();
		f();
		const w = performance.now() - t0;
		e.threads = 2;
		t0 = performance.now();
		f();
		const w2 = performance.now() - t0;
		if (k) {
			a.push(t);
			b.push(w);
			c.push(w2);
		}
	}
	const mn = (x) => Math.min(...x);
	console.log(name.padEnd(18), `native ${med(a).toFixed(1)} ours ${med(b).toFixed(1)} ms  ratio ${(med(b) / med(a)).toFixed(2)} (min ${(mn(b) / mn(a)).toFixed(2)})  2 threads ${(med(b) / med(c)).toFixed(2)}x (min ${(mn(b) / mn(c)).toFixed(2)})`);
}
e.close();
nat.kill();
export { rows };
